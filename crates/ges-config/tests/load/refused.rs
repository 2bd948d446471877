//! What can never work stops the start, and what is lacking is told.

use ges_config::{Discovery, InternalAuth, Problem, Role, Warning};
use secrecy::ExposeSecret as _;

use super::{API, load, problems, standalone, with_files};

#[test]
fn bad_values_name_key_and_origin_but_never_the_text() {
    let cases = [
        ("GES_SERVER__INTERNAL_PORT", "hunter2"),
        ("GES_LOG__MAX_LEN", "3"),
        ("GES_LOG__LEVEL", "hunter2"),
        ("GES_GWS__AUTH_URL", "http://u:hunter2@h"),
        ("GES_URS__URLS", "http://a,hunter2"),
        ("GES_ALERTS__HTTP_400_TOLERANCE", "-1"),
        ("GES_VMCS__ORS_REDIS_LOCATION", "hunter2"),
        ("GES_SERVER__BIND_ADDRESS", "hunter2"),
        ("GES_SERVER__GES_URL", "ftp://hunter2"),
        ("GES_DB__HOST", "hunter2:5433"),
        ("GES_REDIS__HOST", "hunter 2"),
        ("GES_VMCS__REDIS_HOST", "/run/hunter2"),
        ("GES_REGION_AFFINITY", LONG),
        ("GES_INTERNAL_AUTH__HEADER", "hunter2 "),
        ("GES_DISCOVERY__NODES", r#"[{"region":"dc1","urs":["http://u:hunter2@h"]}]"#),
        ("GES_DISCOVERY__NODES", r#"[{"region":"dc1","ors":"ftp://hunter2"}]"#),
        ("GES_DISCOVERY__NODES", r#"[{"region":" ","ors":"hunter2"}]"#),
        ("GES_ORS__STREAM_FIELDS", r#"{"serviceld":"hunter2"}"#),
        ("GES_ORS__STREAM_FIELDS", r#"{"serviceId":"ccid"}"#),
        ("GES_ORS__STREAM_FIELDS", r#"{"serviceId":""}"#),
    ];
    for (name, text) in cases {
        let error = load(Role::Standalone, &[(name, text)]).unwrap_err();
        assert!(error.to_string().contains(&format!("{name} from environment {name}")), "{error}");
        let told = format!("{error} {}", error.report.join("\n"));
        assert!(!told.contains("hunter2"), "{told}");
        assert!(told.contains(&format!("{name} = (does not read)")), "{told}");
    }
}

/// One character more than the name of a region may have.
const LONG: &str = "hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-h";

/// A client that is given something else for a host may go to another one without a word.
#[test]
fn a_host_is_a_name_or_an_address_and_keeps_no_space_around_it() {
    let host = |text: &str| {
        let variables = [API, &[("GES_DB__HOST", text)]].concat();
        load(Role::Api, &variables).map(|loaded| loaded.settings.db.unwrap().host)
    };
    for (text, read) in [
        ("pg-rw.db.svc", "pg-rw.db.svc"),
        (" pg ", "pg"),
        ("pg_1", "pg_1"),
        ("10.0.0.7", "10.0.0.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[::1]", "::1"),
    ] {
        assert_eq!(host(text).unwrap(), read, "{text:?}");
    }
    for bad in ["pg:5433", "postgres://pg", "/run/postgresql", "a b", "user@pg", "[pg]", "::g"] {
        assert!(matches!(&host(bad).unwrap_err().problems[..], [Problem::BadValue { .. }]), "{bad:?}");
    }
    let secret = with_files(&[("s/voice-redis-ors-stream", r#"{"host":"h:6379"}"#)], &[("GES_CONFIG_FOLDERS", "s")]);
    assert!(matches!(problems(secret)[0], Problem::BadSecret { .. }));
    let located = standalone(&[("ORS_REDIS_LOCATION", "[::1]:7000")]).settings.ors_redis.unwrap();
    assert_eq!((located.host.as_str(), located.port), ("::1", 7000));
    assert!(load(Role::Standalone, &[("ORS_REDIS_LOCATION", "h/x:7000")]).is_err());
}

#[test]
fn a_certificate_that_is_not_there_stops_the_start() {
    let with_ca = |files: &[(&str, &str)]| with_files(files, &[("GES_DB__CA_FILE", "ca.pem")]);
    for absent in [&[][..], &[("ca.pem", "no certificate")]] {
        let problems = problems(with_ca(absent));
        assert!(matches!(&problems[..], [Problem::BadValue { name, .. }] if name == "GES_DB__CA_FILE"), "{problems:?}");
    }
    assert!(with_ca(&[("ca.pem", "x\n-----BEGIN CERTIFICATE-----\n")]).is_ok());
}

/// The misspelt name is why the other is missing.
#[test]
fn a_start_that_fails_tells_of_unknown_names_too() {
    let variables = [&API[1..], &[("GES_DB__HOTS", "pg")]].concat();
    let error = load(Role::Api, &variables).unwrap_err();
    assert_eq!(error.problems, [Problem::Missing { names: vec!["GES_DB__HOST".into()] }]);
    assert!(matches!(&error.warnings[..], [Warning::Unknown { nearest, .. }] if nearest == "GES_DB__HOST"));
}

/// Nobody should have to find out by an empty console or a phone that stays silent.
#[test]
fn a_pod_that_starts_without_something_usual_tells_what_is_missing() {
    let absent = |role: Role, variables: &[(&str, &str)]| -> Vec<String> {
        let names = load(role, variables).unwrap().warnings.into_iter().map(|warning| match warning {
            Warning::Absent { name, effect } => {
                assert!(!effect.is_empty());
                name
            }
            other => panic!("{other}"),
        });
        names.collect()
    };
    let bare: Vec<_> = API.iter().copied().filter(|(name, _)| name.starts_with("DB") || name.contains("T_")).collect();
    let bare =
        [&bare[..], &[("GWS_AUTH", "http://auth"), ("GWS_ENV", "http://env"), ("VMCS_REDIS_HOST", "ors")]].concat();
    let of_all = ["GES_REDIS__HOST", "GES_GWS__CONF_URL", "GES_SECURITY__CREDENTIALS_KEY"];
    assert_eq!(absent(Role::Worker, &bare), of_all);
    let of_api = [of_all[0], of_all[1], "GES_GWS__PUBLIC_AUTH_URL", of_all[2], "GES_SECURITY__SESSION_KEY"];
    assert_eq!(absent(Role::Api, &bare), of_api);
    assert_eq!((absent(Role::Api, API), absent(Role::Standalone, &[])), (vec![], vec![]));
}

/// What a header cannot carry would fail call by call, or let nobody in, without a word of why.
#[test]
fn a_secret_that_stands_in_a_header_is_visible_ascii_without_the_space_around_it() {
    let bearer = ("GES_INTERNAL_AUTH__MODE", "bearer");
    for name in ["GES_INTERNAL_AUTH__TOKEN", "GES_NEXUS__API_KEY", "GES_DISCOVERY__CONSUL_TOKEN"] {
        let consul = [("GES_DISCOVERY__KIND", "consul"), ("GES_DISCOVERY__CONSUL_URL", "http://consul:8500")];
        let nexus = [("GES_PUSH__PROVIDER", "nexus"), ("GES_NEXUS__URL", "http://nexus")];
        let with = |text: &str| {
            let others = [bearer, consul[0], consul[1], nexus[0], nexus[1]];
            let all = ["GES_INTERNAL_AUTH__TOKEN", "GES_NEXUS__API_KEY", "GES_DISCOVERY__CONSUL_TOKEN"];
            let secrets = all.map(|one| (one, if one == name { text } else { "sesame" }));
            load(Role::Standalone, &[&others[..], &secrets].concat())
        };
        for padded in ["hunter2", " hunter2\t", "hunter2\r\n\n"] {
            let settings = with(padded).unwrap().settings;
            let read = match (name, &settings.internal_auth, &settings.urs.discovery) {
                ("GES_INTERNAL_AUTH__TOKEN", InternalAuth::Bearer { token }, _) => token,
                ("GES_NEXUS__API_KEY", ..) => &settings.push.nexus.as_ref().unwrap().api_key,
                (_, _, Discovery::Consul(consul)) => consul.token.as_ref().unwrap(),
                _ => panic!("{name}"),
            };
            assert_eq!(read.expose_secret(), "hunter2", "{name}");
        }
        for bad in ["hun ter2", "hunter2\nhunter3", "hünter2", "   "] {
            let told = with(bad).unwrap_err().to_string();
            assert!(told.contains(&format!("{name} from environment {name}")) && !told.contains("ter2"), "{told}");
        }
    }
}
