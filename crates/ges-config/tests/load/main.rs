//! Loading from all sources: precedence, aliases, secrets, problems.

#![expect(clippy::unwrap_used, reason = "helpers of tests stop the test where it fails")]

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use ges_config::{CATALOGUE, ConfigError, Discovery, Kind, Level, Loaded, Problem, Role, Settings, Sources, Warning};
use secrecy::ExposeSecret;

mod refused;

const API: &[(&str, &str)] = &[
    ("DB_HOST", "pg"),
    ("DB_NAME", "ges"),
    ("DB_USER", "ges"),
    ("DB_PASSWORD", "pw"),
    ("GWS_AUTH", "http://auth"),
    ("GWS_ENV", "http://env"),
    ("GWS_CONF", "http://conf"),
    ("GWS_PUBLIC_AUTH", "https://login.example.com"),
    ("AUTHENTICATION_CLIENT_ID", "ges"),
    ("AUTHENTICATION_CLIENT_SECRET", "cs"),
    ("REDIS_HOST", "redis"),
    ("CREDENTIALS-KEY", KEY),
    ("SESSION-KEY", KEY),
];

fn load(role: Role, variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    Settings::load(role, &Sources::of(variables.iter().copied()))
}

fn standalone(variables: &[(&str, &str)]) -> Loaded {
    load(Role::Standalone, variables).unwrap()
}

fn api_with(extra: &[(&'static str, &'static str)]) -> Result<Loaded, ConfigError> {
    load(Role::Api, &[API, extra].concat())
}

fn problems(result: Result<Loaded, ConfigError>) -> Vec<Problem> {
    result.unwrap_err().problems
}

fn with_files(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let sources = Sources { working_folder: folder.path().into(), ..Sources::of(variables.iter().copied()) };
    Settings::load(Role::Standalone, &sources)
}

#[test]
fn the_standalone_edition_starts_from_nothing() {
    let settings = standalone(&[]).settings;
    assert_eq!((settings.server.internal_port, settings.server.external_port), (3050, 3005));
    assert_eq!(settings.server.bind_address.to_string(), "127.0.0.1");
    assert_eq!(settings.server.ges_url(41000).as_str(), "http://127.0.0.1:41000/genesys");
    assert_eq!(settings.data_dir, Path::new("./ges-data"));
    assert_eq!((settings.log.level, settings.log.max_len), (Level::Warn, 2048));
    assert_eq!(settings.ors.stream_name, "NewCallbackStream");
    assert!(settings.single_tenant && settings.legacy_metric_aliases);
    assert!(settings.db.is_none() && settings.gws.is_none() && settings.redis.is_none());
}

#[test]
fn missing_settings_are_listed_in_one_problem() {
    let Problem::Missing { names } = problems(load(Role::Api, &[])).remove(0) else { panic!("not missing") };
    for name in ["GES_DB__HOST", "GES_DB__PASSWORD", "GES_GWS__AUTH_URL", "GES_GWS__CLIENT_SECRET"] {
        assert!(names.contains(&name.to_owned()), "{name} not in {names:?}");
    }
    let worker = problems(load(Role::Worker, &API[..4]));
    assert_eq!(worker, [Problem::Missing { names: vec!["GES_VMCS__REDIS_HOST".into()] }]);
}

#[test]
fn check_21_every_alias_sets_its_setting() {
    for setting in CATALOGUE {
        for alias in setting.aliases {
            let value = match setting.kind {
                Kind::Port | Kind::Whole { .. } => "4321",
                Kind::Bool | Kind::AutoBool => "yes",
                Kind::Url | Kind::Urls => "http://a.example",
                Kind::SecretJson => "{}",
                Kind::OneOf(words) => words[0],
                // `?`: the folder need not exist.
                Kind::List => "folder?",
                Kind::Text if setting.key.ends_with("location") => "h:1",
                Kind::Networks => "10.0.0.0/8",
                Kind::SecretUrl => "http://u:p@proxy.example",
                Kind::Keys => KEY,
                Kind::Text | Kind::Secret | Kind::Host | Kind::Address | Kind::Number => "text",
            };
            let loaded = load(Role::Standalone, &[(alias, value)]);
            let report = match loaded {
                Ok(loaded) => loaded.report,
                // Client id and secret are of use together only; the alias was understood.
                Err(error) => {
                    assert!(matches!(error.problems[0], Problem::Relation { .. }), "{alias}: {error}");
                    continue;
                }
            };
            let line = report.iter().find(|line| line.starts_with(&setting.env_name())).unwrap();
            assert!(line.ends_with(&format!("(environment {alias})")), "{line}");
        }
    }
}

/// 32 bytes.
const KEY: &str = "dGVzdC10ZXN0LXRlc3QtdGVzdC10ZXN0LXRlc3QtdDE=";

/// The aliases of integrations 10.2, letter by letter, as variables and as names of secret files.
#[test]
fn check_21_every_documented_alias_is_known() {
    for (canonical, aliases) in [
        ("GES_SERVER__INTERNAL_PORT", &["INTERNAL_PORT"][..]),
        ("GES_SERVER__EXTERNAL_PORT", &["EXTERNAL_PORT"]),
        ("GES_SERVER__INTERNAL_URL", &["INTERNAL_URL"]),
        ("GES_SERVER__GES_URL", &["GES_URL"]),
        ("GES_LOG__LEVEL", &["LOG_LEVEL"]),
        ("GES_LOG__MAX_LEN", &["LOG_MAX_LEN"]),
        ("GES_REGION_AFFINITY", &["REGION_AFFINITY"]),
        ("GES_DEVOPS_ACCESS_GROUPS", &["DEVOPS_ACCESS_GROUPS"]),
        ("GES_EXTEND_ENV", &["EXTEND_ENV"]),
        ("GES_AZURE_DEPLOYMENT", &["AZURE_DEPLOYMENT"]),
        ("GES_UI__DEVOPS_USERNAME", &["DEVOPS_USERNAME"]),
        ("GES_UI__DEVOPS_PASSWORD", &["DEVOPS_PASSWORD"]),
        ("GES_REDIS__HOST", &["REDIS_HOST"]),
        ("GES_REDIS__PORT", &["REDIS_PORT"]),
        ("GES_REDIS__SECURE", &["REDIS_SECURE"]),
        ("GES_REDIS__CLUSTER_MODE", &["REDIS_CLUSTER_MODE"]),
        ("GES_REDIS__PASSWORD", &["REDIS-CACHEKEY", "REDIS_CACHEKEY"]),
        ("GES_DB__HOST", &["DB_HOST"]),
        ("GES_DB__PORT", &["DB_PORT"]),
        ("GES_DB__NAME", &["DB_NAME"]),
        ("GES_DB__SECURE", &["DB_SECURE"]),
        ("GES_DB__USER", &["DB-USER", "DB_USER"]),
        ("GES_DB__PASSWORD", &["DB-PASSWORD", "DB_PASSWORD"]),
        ("GES_GWS__AUTH_URL", &["GWS_AUTH"]),
        ("GES_GWS__ENV_URL", &["GWS_ENV"]),
        ("GES_GWS__CONF_URL", &["GWS_CONF"]),
        ("GES_GWS__PUBLIC_AUTH_URL", &["GWS_PUBLIC_AUTH"]),
        ("GES_GWS__STATS_URL", &["GWS_STATS"]),
        ("GES_GWS__CLIENT_ID", &["AUTHENTICATION-CLIENT-ID", "AUTHENTICATION_CLIENT_ID"]),
        (
            "GES_GWS__CLIENT_SECRET",
            &["AUTHENTICATION-CLIENT-SECRET", "AUTHENTICATION_CLIENT_SECRET", "AUTHENTICATION-CLIENT-PASSWORD"],
        ),
        ("GES_GWS__DECRYPT_PASSWORD", &["DECRYPT_PASSWORD"]),
        ("GES_VMCS__REDIS_HOST", &["VMCS_REDIS_HOST"]),
        ("GES_VMCS__REDIS_PORT", &["VMCS_REDIS_PORT"]),
        ("GES_VMCS__REDIS_CLUSTER_MODE", &["VMCS_REDIS_CLUSTER_MODE"]),
        ("GES_VMCS__REDIS_STREAM_NAME", &["REDIS_STREAM_NAME"]),
        ("GES_VMCS__ORS_REDIS_LOCATION", &["ORS_REDIS_LOCATION"]),
        ("GES_VMCS__ORS_REDIS_SECRET", &["voice-redis-ors-stream", "voice_redis_ors_stream"]),
        ("GES_SECURITY__CREDENTIALS_KEY", &["CREDENTIALS-KEY"]),
        ("GES_SECURITY__SESSION_KEY", &["SESSION-KEY"]),
        ("GES_CONFIG_FOLDERS", &["CONFIG_FOLDERS"]),
    ] {
        let setting = CATALOGUE.iter().find(|setting| setting.env_name() == canonical);
        let setting = setting.unwrap_or_else(|| panic!("{canonical} is no setting"));
        let plain = |name: &str| name.replace('-', "_").to_ascii_uppercase();
        for alias in aliases {
            assert!(setting.aliases.iter().any(|known| plain(known) == plain(alias)), "{canonical}: {alias}");
        }
    }
}

/// Integrations 10.2: the secret `ges-security`, mounted as its procedure says.
#[test]
fn check_21_the_secret_of_keys_is_read_by_its_file_names() {
    let other = "dGVzdC10ZXN0LXRlc3QtdGVzdC10ZXN0LXRlc3QtdDI=";
    let both = format!("{KEY},{other}\n");
    let files = [("secrets/CREDENTIALS-KEY", both.as_str()), ("secrets/SESSION-KEY", KEY)];
    let loaded = with_files(&files, &[("GES_CONFIG_FOLDERS", "secrets")]).unwrap();
    assert_eq!(loaded.settings.credentials_key.unwrap().expose_secret(), both.trim_end());
    assert_eq!(loaded.settings.session_key.unwrap().expose_secret(), KEY);
    assert!(!loaded.report.join("\n").contains(KEY), "never shown");
}

/// Integrations 10.1: everything that is wrong is told at once, beside what was read; a value that does not read is not repeated.
#[test]
fn a_bad_key_is_one_problem_of_the_list_and_what_was_read_is_told_with_it() {
    for bad in ["short", "dGVzdA==", "dGVzdC10ZXN0LXRlc3QtdGVzdC10ZXN0LXRlc3QtdDE", "a,b"] {
        let variables = [
            ("GES_SECURITY__CREDENTIALS_KEY", bad),
            ("GES_SECURITY__SESSION_KEY", &format!("{KEY},{bad}")),
            ("GES_URS__URLS", "http://user:sesame@urs"),
            ("GES_DB__HOST", "db.example"),
        ];
        let error = load(Role::Standalone, &variables).unwrap_err();
        let told = error.to_string();
        for name in ["GES_SECURITY__CREDENTIALS_KEY", "GES_SECURITY__SESSION_KEY", "GES_URS__URLS"] {
            assert!(told.contains(name) && told.contains("expected"), "{bad:?}: {told}");
        }
        let report = error.report.join("\n");
        assert!(report.contains("GES_DB__HOST = db.example  (environment"), "{report}");
        assert!(report.contains("GES_URS__URLS = (does not read)"), "{report}");
        assert!(!report.contains("sesame") && !report.contains(KEY) && !told.contains("sesame"), "{report}");
    }
}

#[test]
fn check_21_later_sources_win_default_file_environment_secret() {
    let yaml = "db:\n  host: file\n  name: file\n  user: file\nserver:\n  internal-port: 4000\n";
    let files =
        [("ges.yaml", yaml), ("secrets/DB-USER", "secret\n"), ("secrets/..data", "no"), ("secrets/DB_PASSWORD", "p")];
    let variables = [
        ("GES_CONFIG_FILE", "ges.yaml"),
        ("GES_CONFIG_FOLDERS", "secrets,absent?"),
        ("GES_DB__NAME", "environment"),
        ("GES_DB__USER", "environment"),
    ];
    let loaded = with_files(&files, &variables).unwrap();
    let db = loaded.settings.db.unwrap();
    assert_eq!((db.host.as_str(), db.name.as_str(), db.user.as_str()), ("file", "environment", "secret"));
    assert_eq!(db.password.expose_secret(), "p");
    assert_eq!((loaded.settings.server.internal_port, db.port), (4000, 5432));
    assert_eq!(loaded.warnings, []);
    let origin = |key: &str| loaded.report.iter().find(|line| line.starts_with(key)).unwrap().clone();
    assert!(origin("GES_DB__HOST").contains("= file  (file "), "{}", origin("GES_DB__HOST"));
    assert!(origin("GES_DB__NAME").ends_with("(environment GES_DB__NAME)"));
    assert!(origin("GES_DB__PASSWORD").starts_with("GES_DB__PASSWORD = ***  (secret file "));
    assert_eq!(origin("GES_DB__PORT"), "GES_DB__PORT = 5432  (default)");
}

#[test]
fn toml_is_read_too_and_lists_may_be_arrays() {
    let toml = "[urs]\nurls = [\"http://a:5580\", \"http://b:5580\"]\n[alerts]\nhttp_400_tolerance = 2.5\n[db]\npassword = 12345\n";
    let loaded = with_files(&[("ges.toml", toml)], &[("GES_CONFIG_FILE", "ges.toml")]).unwrap();
    assert!(matches!(&loaded.settings.urs.discovery, Discovery::Routers(urls) if urls.len() == 2));
    assert!((loaded.settings.alerts.http_400 - 2.5).abs() < f64::EPSILON);
}

#[test]
fn text_that_looks_like_something_else_stays_text() {
    for text in ["0012", "12345", "true", "[a]", "1e3", "{x}", "\"q\"", " padded "] {
        let leaked: &'static str = text;
        let db = api_with(&[("GES_DB__PASSWORD", leaked)]).unwrap().settings.db.unwrap();
        assert_eq!(db.password.expose_secret(), text);
    }
    let yaml = with_files(&[("g.yml", "urs: { tenant: 0012 }")], &[("GES_CONFIG_FILE", "g.yml")]).unwrap();
    assert_eq!(yaml.settings.urs.tenant.as_deref(), Some("0012"));
    let float = with_files(&[("g.yml", "urs: { tenant: 1.10 }")], &[("GES_CONFIG_FILE", "g.yml")]);
    assert!(matches!(&problems(float)[0], Problem::BadValue { name, .. } if name == "GES_URS__TENANT"));
}

#[test]
fn check_21_aliases_that_differ_are_both_named_and_equal_ones_pass() {
    let result = api_with(&[("AUTHENTICATION-CLIENT-PASSWORD", "other")]);
    let Problem::Conflict { first, second, .. } = problems(result).remove(0) else { panic!("not a conflict") };
    let both = format!("{first} {second}");
    assert!(both.contains("AUTHENTICATION-CLIENT-PASSWORD") && both.contains("AUTHENTICATION_CLIENT_SECRET"), "{both}");
    assert!(api_with(&[("AUTHENTICATION-CLIENT-PASSWORD", "cs")]).is_ok());
    let twice = with_files(&[("s/DB-USER", "a"), ("s/DB_USER", "b")], &[("GES_CONFIG_FOLDERS", "s")]);
    assert!(matches!(problems(twice)[0], Problem::Conflict { .. }));
}

#[test]
fn the_canonical_name_wins_over_an_alias() {
    let loaded = api_with(&[("GES_DB__HOST", "canonical")]).unwrap();
    assert_eq!(loaded.settings.db.unwrap().host, "canonical");
    let overruled =
        Warning::Overruled { used: "environment GES_DB__HOST".into(), ignored: "environment DB_HOST".into() };
    assert_eq!(loaded.warnings, [overruled]);
}

#[test]
fn unknown_names_of_ours_are_reported_with_the_nearest_known_one() {
    let loaded = standalone(&[("GES_SERVER__EXTERNAL_PROT", "1"), ("GES_TEST_PG_URL", "x"), ("PATH", "/bin")]);
    let unknown = Warning::Unknown {
        name: "GES_SERVER__EXTERNAL_PROT".into(),
        place: "the environment".into(),
        nearest: "GES_SERVER__EXTERNAL_PORT".into(),
    };
    assert_eq!(loaded.warnings, [unknown]);
    let loaded = with_files(&[("g.yaml", "db: { hots: x }")], &[("GES_CONFIG_FILE", "g.yaml")]).unwrap();
    assert!(matches!(&loaded.warnings[0], Warning::Unknown { nearest, .. } if nearest == "GES_DB__HOST"));
}

#[test]
fn booleans_have_six_spellings() {
    for (text, expected) in [("true", true), ("Yes", true), ("1", true), ("FALSE", false), ("no", false), ("0", false)]
    {
        assert_eq!(standalone(&[("GES_TENANCY__SINGLE", text)]).settings.single_tenant, expected, "{text}");
    }
    assert!(load(Role::Standalone, &[("GES_TENANCY__SINGLE", "on")]).is_err());
}

#[test]
fn an_empty_value_is_not_given() {
    assert_eq!(standalone(&[("INTERNAL_PORT", "")]).settings.server.internal_port, 3050);
    assert!(matches!(problems(api_with(&[("DB_HOST", "")]))[0], Problem::Missing { .. }));
}

#[test]
fn all_problems_are_reported_at_once() {
    let result =
        load(Role::Standalone, &[("GES_DB__PORT", "x"), ("GES_REDIS__SECURE", "x"), ("INTERNAL_PORT", "3005")]);
    assert_eq!(problems(result).len(), 3);
    let variables = [
        ("GES_DB__PORT", "x"),
        ("GES_PUSH__PROVIDER", "nexus"),
        ("GES_DISCOVERY__KIND", "consul"),
        ("GES_GWS__CLIENT_ID", "a"),
    ];
    let found = problems(load(Role::Standalone, &variables));
    let relations = found.iter().filter(|problem| matches!(problem, Problem::Relation { .. })).count();
    assert_eq!((found.len(), relations), (4, 3), "one does not hide another: {found:?}");
    let bad = problems(load(Role::Standalone, &[variables[1], ("GES_NEXUS__URL", "ftp://x")]));
    assert!(matches!(bad[..], [Problem::BadValue { .. }]), "what does not read is not missing as well: {bad:?}");
    let half =
        problems(load(Role::Api, &API.iter().copied().filter(|(name, _)| !name.ends_with("_ID")).collect::<Vec<_>>()));
    assert!(matches!(half[..], [Problem::Missing { .. }]), "{half:?}");
}

#[test]
fn relations_name_both_settings() {
    let same = problems(load(Role::Standalone, &[("INTERNAL_PORT", "3005")]));
    assert!(matches!(
        same[0],
        Problem::Relation { first: "GES_SERVER__INTERNAL_PORT", second: "GES_SERVER__EXTERNAL_PORT", .. }
    ));
    let alone = problems(load(Role::Standalone, &[("GES_GWS__CLIENT_ID", "a")]));
    assert!(matches!(alone[0], Problem::Relation { second: "GES_GWS__CLIENT_SECRET", .. }));
    assert!(load(Role::Standalone, &[("INTERNAL_PORT", "0"), ("EXTERNAL_PORT", "0")]).is_ok());
}

#[test]
fn the_ges_url_is_derived_as_the_table_says() {
    let cases = [
        (None, None, "http://ges.ges/genesys"),
        (Some("host.ns"), None, "http://host.ns/genesys"),
        (Some("https://host.ns:8443/"), None, "https://host.ns:8443/genesys"),
        (Some("host.ns"), Some("other"), "http://other/genesys"),
        (
            Some("host.ns"),
            Some("http://ges.ges.svc.cluster.local/genesys/"),
            "http://ges.ges.svc.cluster.local/genesys",
        ),
        (None, Some("10.0.0.1:3050"), "http://10.0.0.1:3050/genesys"),
    ];
    for (internal, ges, expected) in cases {
        let extra = internal.map(|text| ("INTERNAL_URL", text)).into_iter().chain(ges.map(|text| ("GES_URL", text)));
        let settings = api_with(&extra.collect::<Vec<_>>()).unwrap().settings;
        assert_eq!(settings.server.ges_url(1).as_str(), expected);
    }
    let settings = standalone(&[("GES_URL", "demo.example")]).settings;
    assert_eq!(settings.server.ges_url(1).as_str(), "http://demo.example/genesys");
}

#[test]
fn the_orchestration_secret_file_is_merged_and_never_quoted() {
    let json = r#"{"password":"0012","port":"6380","servername":"sni.voice"}"#;
    let variables =
        [("GES_CONFIG_FOLDERS", "s"), ("VMCS_REDIS_HOST", "redis.voice"), ("VMCS_REDIS_CLUSTER_MODE", "true")];
    let redis = with_files(&[("s/voice-redis-ors-stream", json)], &variables).unwrap().settings.ors_redis.unwrap();
    assert_eq!((redis.host.as_str(), redis.port, redis.cluster), ("redis.voice", 6380, true));
    assert_eq!(redis.password.as_ref().unwrap().expose_secret(), "0012");
    let tls = redis.tls.as_ref().unwrap();
    assert!(tls.servername == "sni.voice" && tls.verify);
    assert!(!format!("{redis:?}").contains("0012"));
    let error =
        with_files(&[("s/voice_redis_ors_stream", "{\"password\": hunter2")], &variables).unwrap_err().to_string();
    assert!(error.contains("voice_redis_ors_stream") && !error.contains("hunter2"), "{error}");
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let missing = with_files(&[], &[("GES_CONFIG_FILE", "none.yaml"), ("GES_CONFIG_FOLDERS", "none")]);
    assert_eq!(problems(missing).iter().filter(|problem| matches!(problem, Problem::Unreadable { .. })).count(), 2);
    let bad = with_files(&[("g.toml", "[db]\npassword = hunter2\n")], &[("GES_CONFIG_FILE", "g.toml")])
        .unwrap_err()
        .to_string();
    assert!(bad.contains("g.toml is not valid TOML, line 2") && !bad.contains("hunter2"), "{bad}");
}

#[cfg(unix)]
#[test]
fn check_21_mounted_secrets_are_links_into_a_hidden_folder() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("..data")).unwrap();
    fs::write(folder.path().join("..data/DB-USER"), "linked\r\n").unwrap();
    std::os::unix::fs::symlink("..data/DB-USER", folder.path().join("DB-USER")).unwrap();
    let path = folder.path().to_str().unwrap();
    let loaded = Settings::load(Role::Standalone, &Sources::of([("CONFIG-FOLDERS", path)])).unwrap();
    let line = loaded.report.iter().find(|line| line.starts_with("GES_DB__USER")).unwrap();
    assert!(line.starts_with("GES_DB__USER = linked  (secret file "), "{line}");
}

#[test]
fn reports_and_debug_output_hold_no_secret() {
    let variables = [("GES_DB__PASSWORD", "hunter2"), ("REDIS-CACHEKEY", "hunter2"), ("GES_REDIS__HOST", "r")];
    let loaded = standalone(&variables);
    assert!(!loaded.report.join("\n").contains("hunter2"));
    assert!(!format!("{loaded:?} {:?}", Sources::of(variables)).contains("hunter2"));
}

const SEALED: &str = "330bcbea0cc217874fb5788eaaf0290b0a058a856bbff4f50ae82492e2c6bc85";

#[test]
fn check_21_an_encrypted_client_secret_is_read_with_a_warning() {
    let secret_of = |extra: &[(&'static str, &'static str)]| {
        let mut variables = API.to_vec();
        variables.retain(|(name, _)| *name != "AUTHENTICATION_CLIENT_SECRET");
        variables.push(("AUTHENTICATION-CLIENT-SECRET", SEALED));
        variables.extend(extra);
        let loaded = load(Role::Api, &variables).map_err(|error| error.problems)?;
        let secret = loaded.settings.gws.unwrap().client_secret.expose_secret().to_owned();
        Ok::<_, Vec<Problem>>((secret, loaded.warnings))
    };
    let password = ("DECRYPT_PASSWORD", "ges-demo-passphrase");
    assert_eq!(secret_of(&[]).unwrap(), (SEALED.into(), vec![]), "without a password nothing is decrypted");
    let clear = "s3cret-client-value".to_owned();
    assert_eq!(secret_of(&[password]).unwrap(), (clear.clone(), vec![Warning::WeaklySealedSecret]));
    let forced = ("GES_GWS__SECRET_ENCODING", "AES-128-ECB");
    assert_eq!(secret_of(&[password, forced]).unwrap().0, clear);
    let plain = ("GES_GWS__SECRET_ENCODING", "plain");
    assert_eq!(secret_of(&[password, plain]).unwrap(), (SEALED.into(), vec![]));
    let wrong = ("DECRYPT_PASSWORD", "another");
    assert_eq!(secret_of(&[wrong]).unwrap(), (SEALED.into(), vec![Warning::SecretTakenAsIs]));
    for unreadable in [vec![wrong, forced], vec![forced]] {
        let problems = secret_of(&unreadable).unwrap_err();
        assert!(
            matches!(&problems[..], [Problem::Relation { second: "GES_GWS__DECRYPT_PASSWORD", .. }]),
            "a start-up error: {problems:?}"
        );
    }
}

#[test]
fn services_of_gws_may_be_hosts() {
    let loaded = api_with(&[("GES_GWS__CONF_URL", "gws-conf.gws.svc:8092")]).unwrap();
    assert_eq!(loaded.settings.gws.unwrap().conf_url.unwrap().as_str(), "http://gws-conf.gws.svc:8092/");
    assert!(api_with(&[("GES_GWS__CONF_URL", "ftp://gws")]).is_err());
}

#[test]
fn the_emergency_sign_in_is_off_with_one_value_or_with_the_password_of_a_sample() {
    let break_glass = |variables: &[(&str, &str)]| standalone(variables).settings.ui.break_glass;
    assert!(break_glass(&[]).is_none());
    assert!(break_glass(&[("DEVOPS_PASSWORD", "long and own")]).is_none());
    assert!(break_glass(&[("DEVOPS_USERNAME", "admin")]).is_none());
    let sample = [("DEVOPS_USERNAME", "admin"), ("DEVOPS_PASSWORD", "letmein")];
    assert!(break_glass(&sample).is_none());
    assert_eq!(standalone(&sample).warnings, [Warning::SampleBreakGlass]);
    let own = break_glass(&[("DEVOPS_USERNAME", "ops"), ("DEVOPS_PASSWORD", "long and own")]).unwrap();
    assert_eq!(own.username, "ops");
    let groups = standalone(&[("DEVOPS_ACCESS_GROUPS", "A , B,")]).settings.rbac.devops_access_groups;
    assert_eq!(groups, ["A", "B"]);
}

/// Integrations 3.1, 4.3.
#[test]
fn contact_centers_may_have_tenant_names_of_their_own() {
    let urs = standalone(&[]).settings.urs;
    assert_eq!((urs.tenant, urs.tenants.len()), (None, 0), "whoever knows better is asked");
    let one = r#"{"c0ffee00-0000-4000-8000-000000000100":"Acme","C0FFEE00-0000-4000-8000-000000000200":"Söhne"}"#;
    let urs = standalone(&[("GES_URS__TENANTS", one), ("GES_URS__TENANT", "Other")]).settings.urs;
    let names: Vec<_> = urs.tenants.values().map(String::as_str).collect();
    assert_eq!((names, urs.tenant.as_deref()), (vec!["Acme", "Söhne"], Some("Other")));
    for bad in ["Acme", "[]", r#"{"t100":"Acme"}"#, r#"{"c0ffee00-0000-4000-8000-000000000100":" "}"#] {
        let found = problems(load(Role::Standalone, &[("GES_URS__TENANTS", bad)]));
        assert!(
            matches!(&found[..], [Problem::BadValue { name, .. }] if name == "GES_URS__TENANTS"),
            "{bad}: {found:?}"
        );
    }
}

/// Integrations 1.6.
#[test]
fn routers_are_named_or_looked_for() {
    let nodes = ("GES_DISCOVERY__NODES", r#"[{"region":"dc1","urs":["http://u:5580"],"ors":"http://o:9098"}]"#);
    let urls = ("GES_URS__URLS", "http://a:5580");
    let kind = |kind| ("GES_DISCOVERY__KIND", kind);
    let consul = ("GES_DISCOVERY__CONSUL_URL", "http://consul:8500");
    let found = |variables: &[(&str, &str)]| standalone(variables).settings.urs.discovery;
    assert!(matches!(found(&[]), Discovery::Dns { urs } if urs.contains("tenant-{ccid}.voice")));
    assert!(matches!(found(&[urls]), Discovery::Routers(urls) if urls.len() == 1));
    assert!(matches!(found(&[nodes]), Discovery::Regions(nodes) if nodes[0].ors.as_deref() == Some("http://o:9098")));
    assert!(matches!(found(&[kind("static")]), Discovery::Routers(urls) if urls.is_empty()), "nothing is looked for");
    assert!(
        matches!(found(&[kind("dns"), ("GES_DISCOVERY__URS_TEMPLATE", "http://{ccid}.urs")]), Discovery::Dns { urs } if urs == "http://{ccid}.urs")
    );
    let variables = [kind("consul"), consul, ("GES_DISCOVERY__REGIONS", "dc1, dc2")];
    assert!(matches!(found(&variables), Discovery::Consul(consul) if consul.regions == ["dc1", "dc2"]));
    for bad in [&[nodes, urls][..], &[kind("consul")], &[kind("dns"), urls], &[kind("consul"), consul, nodes]] {
        let problems = problems(load(Role::Standalone, bad));
        assert!(matches!(problems[..], [Problem::Relation { .. }]), "{bad:?}: {problems:?}");
    }
    for bad in [
        r#"[{"region":"","urs":["http://u:5580"]}]"#,
        r#"[{"region":"dc1","urs":["ftp://u"]}]"#,
        r#"[{"region":"dc1","urs":["http://tenant-{ccid}:port"]}]"#,
        r#"[{"region":"dc1","urs":["u:5580"],"ors":"http://"}]"#,
        r#"[{"region":"dc1","urls":[]}]"#,
    ] {
        let found = problems(load(Role::Standalone, &[("GES_DISCOVERY__NODES", bad)]));
        assert!(matches!(&found[..], [Problem::BadValue { name, .. }] if name == "GES_DISCOVERY__NODES"), "{bad}");
    }
    let plain = found(&[("GES_DISCOVERY__NODES", r#"[{"region":"dc1","urs":["tenant-{ccid}.urs:5580"]}]"#)]);
    assert!(matches!(plain, Discovery::Regions(regions) if regions.len() == 1), "a host alone means http");
    let template = problems(load(Role::Standalone, &[("GES_DISCOVERY__URS_TEMPLATE", "ftp://{ccid}")]));
    assert!(matches!(&template[..], [Problem::BadValue { name, .. }] if name == "GES_DISCOVERY__URS_TEMPLATE"));
}

#[test]
fn the_way_out_and_the_proxies_in_front() {
    let variables = [("HTTPS_PROXY", "http://ada:hunter2@egress:3128"), ("no_proxy", "10.0.0.0/8,.cluster.local")];
    let loaded = standalone(&variables);
    let egress = loaded.settings.egress.as_ref().unwrap();
    assert_eq!(egress.proxy.expose_secret(), "http://ada:hunter2@egress:3128/");
    assert_eq!(egress.no_proxy, "10.0.0.0/8,.cluster.local");
    assert!(!format!("{loaded:?} {}", loaded.report.join(" ")).contains("hunter2"));
    assert!(standalone(&[]).settings.egress.is_none());
    let trusted = |text: &str, address: &str| {
        let settings = standalone(&[("GES_SERVER__TRUSTED_PROXIES", text)]).settings;
        settings.server.trusted_proxies.iter().any(|network| network.contains(&address.parse::<IpAddr>().unwrap()))
    };
    assert!(trusted("192.0.2.0/24, 2001:db8::/32", "192.0.2.9") && !trusted("192.0.2.0/24", "192.0.3.1"));
    assert!(trusted("", "10.1.2.3") && !trusted("", "8.8.8.8"), "private networks unless something else is said");
    assert!(load(Role::Standalone, &[("GES_SERVER__TRUSTED_PROXIES", "10.0.0.0/33")]).is_err());
}

#[test]
fn orchestration_can_be_told_in_other_words() {
    let variables = [
        ("GES_ORS__STREAM_FIELDS", r#"{"serviceId":"callbackId"}"#),
        ("GES_ORS__ALLOWED_HOSTS", "*.voice, ors.example"),
        ("GES_ORS__START_MODE", "REST"),
    ];
    let ors = standalone(&variables).settings.ors;
    assert_eq!(ors.stream_fields["serviceId"], "callbackId");
    assert_eq!(ors.allowed_hosts, ["*.voice", "ors.example"]);
    let without_stream = [API, &[("GES_ORS__START_MODE", "rest")]].concat();
    assert!(load(Role::Worker, &without_stream).is_ok(), "no stream, no Redis for it");
    assert!(ors.by_rest && !standalone(&[]).settings.ors.by_rest);
    assert!(load(Role::Standalone, &[("GES_ORS__STREAM_FIELDS", "[1]")]).is_err());
    assert!(load(Role::Standalone, &[("GES_ORS__MAX_ATTEMPTS", "4")]).is_err(), "R-SUB-8 has three");
}

#[test]
fn check_21_a_changed_secret_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("DB_PASSWORD");
    fs::write(&file, "first").unwrap();
    let path = folder.path().to_str().unwrap();
    let first = Settings::load(Role::Standalone, &Sources::of([("CONFIG_FOLDERS", path)])).unwrap();
    let again = || Settings::load(Role::Standalone, &first.sources).unwrap().secret_files;
    assert_eq!(again(), first.secret_files);
    fs::write(&file, "second").unwrap();
    assert_ne!(again(), first.secret_files);
}
