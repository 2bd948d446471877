//! Objects of the Configuration service, read liberally (integrations 4.4.1): numbers as texts, attributes one level down.

use serde_json::Value;

/// An object as the service tells it.
#[derive(Clone, Copy)]
pub(crate) struct Object<'a>(pub(crate) &'a Value);

impl<'a> Object<'a> {
    /// An attribute of the object itself, else of the object of a `Cfg…` class inside it, however deep these lie.
    fn attribute(self, names: &[&str]) -> Option<&'a Value> {
        let fields = self.0.as_object()?;
        if let Some(own) = names.iter().find_map(|name| fields.get(*name)).filter(|value| !value.is_null()) {
            return Some(own);
        }
        let classes = fields.iter().filter(|(name, value)| name.starts_with("Cfg") && value.is_object());
        classes.map(|(_, inner)| Object(inner)).find_map(|inner| inner.attribute(names))
    }

    /// Its key in the configuration.
    pub(crate) fn key(self) -> Option<u64> {
        number(self.attribute(&["DBID", "dbid", "dbId", "id"])?)
    }

    /// Its name.
    pub(crate) fn name(self) -> Option<&'a str> {
        self.attribute(&["name", "userName"])?.as_str()
    }

    /// A text attribute; a number counts as its digits.
    pub(crate) fn text(self, name: &str) -> Option<String> {
        match self.attribute(&[name])? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// Whether it may be used: enabled, as word or number, or of no state at all.
    pub(crate) fn is_enabled(self) -> bool {
        self.text("state").is_none_or(|state| matches!(state.trim(), "CFGEnabled" | "1"))
    }

    /// Whether one of these types (word or number) and this key is among its members; none when it names none.
    pub(crate) fn has_member(self, types: [&str; 2], key: u64) -> Option<bool> {
        let members = self.attribute(&["memberIDs", "members"])?;
        let is_asked = |member: &Value| {
            let member = Object(member);
            let kind = member.text("type").or_else(|| member.text("objectType"));
            let own = member.key().or_else(|| number(member.attribute(&["objectDBID"])?));
            own.or_else(|| number(member.0)) == Some(key)
                && kind.is_none_or(|kind| types.iter().any(|known| kind.trim().eq_ignore_ascii_case(known)))
        };
        // A form we do not know names nobody.
        Some(members.as_array().is_some_and(|members| members.iter().any(is_asked)))
    }

    /// An option of the annex; sections and options are found in any case.
    pub(crate) fn option(self, sections: &[&str], options: &[&str]) -> Option<&'a str> {
        let annex = self.attribute(&["userProperties"])?;
        let find = |value: &'a Value, wanted: &str| {
            value.as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
        };
        let in_section = |section| options.iter().find_map(|option| find(section, option)?.as_str());
        sections.iter().filter_map(|section| find(annex, section)).find_map(in_section)
    }
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// Whether a value says yes.
pub(crate) fn is_yes(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn key_and_name_stand_in_the_object_or_in_its_class() {
        for object in [
            json!({ "DBID": "117", "name": "Developers" }),
            json!({ "DBID": 117, "name": "Developers" }),
            json!({ "dbid": "117", "CfgGroup": { "name": "Developers" } }),
            json!({ "CfgAccessGroup": { "CfgGroup": { "DBID": "117", "name": "Developers" }, "type": "3" } }),
        ] {
            let read = Object(&object);
            assert_eq!((read.key(), read.name()), (Some(117), Some("Developers")), "{object}");
        }
        for object in [json!({}), json!([]), json!("x"), json!({ "DBID": "-1", "name": 7 }), json!({ "DBID": null })] {
            let read = Object(&object);
            assert_eq!((read.key(), read.name()), (None, None), "{object}");
        }
    }

    #[test]
    fn members_are_told_by_type_and_key_and_an_unknown_form_names_nobody() {
        let person = ["CFGPerson", "3"];
        for (members, expected) in [
            (json!([{ "type": "CFGPerson", "DBID": "1003" }]), true),
            (json!([{ "type": "3", "DBID": 1003 }, { "type": "3", "DBID": 1004 }]), true),
            (json!([{ "objectType": 3, "objectDBID": "1003" }]), true),
            (json!(["1003"]), true),
            (json!([{ "type": "CFGAccessGroup", "DBID": "1003" }]), false),
            (json!([{ "type": "CFGPerson", "DBID": "1004" }]), false),
            (json!([]), false),
            (json!("1003"), false),
            (json!({ "DBID": "1003" }), false),
        ] {
            for name in ["memberIDs", "members"] {
                let object = json!({ name: members });
                assert_eq!(Object(&object).has_member(person, 1003), Some(expected), "{object}");
                let nested = json!({ "CfgAccessGroup": object });
                assert_eq!(Object(&nested).has_member(person, 1003), Some(expected), "{nested}");
            }
        }
        assert_eq!(Object(&json!({ "DBID": "1", "members": null })).has_member(person, 1003), None);
        for (state, enabled) in [("CFGEnabled", true), ("1", true), ("CFGDisabled", false), ("2", false), ("x", false)]
        {
            assert_eq!(Object(&json!({ "state": state })).is_enabled(), enabled, "{state}");
        }
        assert!(Object(&json!({})).is_enabled());
    }

    #[test]
    fn options_are_found_in_any_case() {
        let person = json!({ "userProperties": { "GMS": { "Role": "Monitor" }, "ges": { "other": "x" } } });
        assert_eq!(Object(&person).option(&["ges", "gms"], &["roles", "role"]), Some("Monitor"));
        assert_eq!(Object(&person).option(&["ges"], &["roles", "role"]), None);
        assert_eq!(Object(&json!({ "userProperties": [] })).option(&["ges"], &["role"]), None);
    }
}
