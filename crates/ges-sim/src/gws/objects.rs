//! The objects of the configuration: made from the seed, changed by whoever writes them.

use serde_json::{Value, json};

use crate::tenants::Seed;

const FIRST_GROUP: u64 = 117;
const FIRST_ROLE: u64 = 140;
const FIRST_FOLDER: u64 = 215;
const FIRST_SCRIPT: u64 = 3301;

/// A folder or a script object.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) key: u64,
    pub(crate) ccid: String,
    pub(crate) name: String,
    pub(crate) document: Value,
}

impl Made {
    /// As the service tells it: its key as text.
    pub(crate) fn shown(&self) -> Value {
        let mut shown = self.document.clone();
        shown["DBID"] = self.key.to_string().into();
        shown["name"] = self.name.as_str().into();
        shown
    }
}

fn member(kind: &str, key: u64) -> Value {
    json!({ "type": kind, "DBID": key.to_string() })
}

/// Access groups and roles are those the seed's users and roles name; folders and scripts are made at run time.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    groups: Vec<String>,
    roles: Vec<(String, Vec<String>)>,
    pub(crate) folders: Vec<Made>,
    pub(crate) scripts: Vec<Made>,
    made: u64,
}

impl Objects {
    pub(crate) fn of(seed: &Seed) -> Self {
        let mut objects = Self::default();
        let groups = seed.users.iter().flat_map(|user| &user.access_groups);
        for group in groups.chain(seed.roles.iter().flat_map(|role| &role.groups)) {
            if !objects.groups.contains(group) {
                objects.groups.push(group.clone());
            }
        }
        objects.roles = seed.roles.iter().map(|role| (role.name.clone(), role.groups.clone())).collect();
        for role in seed.users.iter().flat_map(|user| &user.roles) {
            if !objects.roles.iter().any(|(name, _)| name == role) {
                objects.roles.push((role.clone(), Vec::new()));
            }
        }
        objects
    }

    /// Groups by name, as the service tells them: flat ones and nested ones in turn. `members` tells the keys of their people.
    pub(crate) fn groups(&self, wanted: impl Fn(&str) -> bool, members: impl Fn(&str) -> Vec<u64>) -> Vec<Value> {
        let told = |(at, name): (usize, &String)| {
            let key = (FIRST_GROUP + at as u64).to_string();
            let people: Vec<Value> = members(name).into_iter().map(|key| member("CFGPerson", key)).collect();
            if at % 2 == 0 {
                json!({ "DBID": key, "name": name, "type": "3", "state": "CFGEnabled", "memberIDs": people })
            } else {
                json!({ "CfgGroup": { "DBID": key, "name": name, "tenantDBID": "1", "state": "CFGEnabled" }, "type": "3", "memberIDs": people })
            }
        };
        self.groups.iter().enumerate().filter(|(_, name)| wanted(name)).map(told).collect()
    }

    pub(crate) fn group(&self, key: u64) -> Option<&str> {
        self.groups.get(usize::try_from(key.checked_sub(FIRST_GROUP)?).ok()?).map(String::as_str)
    }

    /// Roles that pass, by name and by the groups that have them. `members` tells the keys of the people who have them themselves.
    pub(crate) fn roles(
        &self,
        wanted: impl Fn(&str, &[String]) -> bool,
        members: impl Fn(&str) -> Vec<u64>,
    ) -> Vec<Value> {
        let place = |group: &String| self.groups.iter().position(|known| known == group);
        let told = |(at, (name, groups)): (usize, &(String, Vec<String>))| {
            let people = members(name).into_iter().map(|key| member("CFGPerson", key));
            let groups = groups.iter().filter_map(place).map(|at| member("CFGAccessGroup", FIRST_GROUP + at as u64));
            let all: Vec<Value> = people.chain(groups).collect();
            json!({ "DBID": (FIRST_ROLE + at as u64).to_string(), "name": name, "state": "CFGEnabled", "userProperties": {}, "members": all })
        };
        self.roles.iter().enumerate().filter(|(_, (name, groups))| wanted(name, groups)).map(told).collect()
    }

    /// Makes a folder or a script; none when one of the name exists.
    pub(crate) fn make(&mut self, kind: &str, ccid: &str, name: &str, document: Value) -> Option<u64> {
        let key = self.made + if kind == "folders" { FIRST_FOLDER } else { FIRST_SCRIPT };
        let place = self.place(kind)?;
        if place.iter().any(|made| made.ccid == ccid && made.name == name) {
            return None;
        }
        place.push(Made { key, ccid: ccid.into(), name: name.into(), document });
        self.made += 1;
        Some(key)
    }

    /// The objects of a kind that can be made.
    pub(crate) fn place(&mut self, kind: &str) -> Option<&mut Vec<Made>> {
        match kind {
            "folders" => Some(&mut self.folders),
            "scripts" => Some(&mut self.scripts),
            _ => None,
        }
    }
}
