//! A pod of the API with everything it talks to, as processes.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use ges_harness::{Cluster, Program, free_port, run_folder, workspace_binary};
use serde_json::{Value, json};

use crate::database::{Database, environment};
use crate::{OfficialClient, Reply, Request, Service, canary, send};

/// The contact center of [`canary::API_KEY`].
pub const TENANT: &str = Cluster::TENANT;
/// Another one.
pub const OTHER_TENANT: &str = "c0ffee00-0000-4000-8000-000000000200";
/// Its key.
pub const OTHER_KEY: &str = "canary-key-of-others-8e2f";
/// A web origin of [`TENANT`], which lists its parent's subdomains.
pub const ORIGIN: &str = "https://www.example.com";
/// A web origin of [`OTHER_TENANT`].
pub const OTHER_ORIGIN: &str = "https://shop.example.net:8443";

const CLIENT_ID: &str = "ges_contract";
const ATTEMPTS: u32 = 4;
const READY_WITHIN: Duration = Duration::from_secs(60);

/// What to start.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Services of [`TENANT`].
    pub services: Vec<Service>,
    /// Business hours, as provisioning documents write them.
    pub hours: Vec<Value>,
    /// Call-in groups, in the same form.
    pub call_in_groups: Vec<Value>,
    /// Whether a worker hands callbacks over.
    pub worker: bool,
    /// Further settings of the pods; these win.
    pub environment: Vec<(String, String)>,
}

impl Plan {
    /// These services.
    pub fn of(services: impl IntoIterator<Item = Service>) -> Self {
        Self { services: services.into_iter().collect(), ..Self::default() }
    }
}

/// The running pod. When it is dropped its log is searched for canaries, so every test checks I11.
#[derive(Debug)]
pub struct Server {
    // Clients before servers.
    worker: Option<Program>,
    api: Program,
    sim: Program,
    database: Database,
    /// Port of the external listener.
    pub external: u16,
    /// Port of the internal listener.
    pub internal: u16,
    /// Port of the worker's only listener.
    pub of_worker: Option<u16>,
    control: u16,
    pods: Vec<(String, String)>,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts everything and waits until it is ready.
    ///
    /// # Errors
    /// What did not start, with the end of its log.
    pub fn start(plan: &Plan) -> Result<Self> {
        // A port may be taken between choosing it and binding it, by a test that starts at the same time.
        let mut started = Self::try_start(plan);
        for _ in 1..ATTEMPTS {
            match started {
                Err(error) if format!("{error:#}").contains("listen on") => started = Self::try_start(plan),
                other => return other,
            }
        }
        started
    }

    fn try_start(plan: &Plan) -> Result<Self> {
        let folder = run_folder()?;
        let database = Database::create()?;
        let ports: [u16; 13] = std::array::from_fn(|_| free_port().unwrap_or_default());
        let [
            orchestration,
            urs,
            urs_backup,
            auth,
            env,
            conf,
            stats,
            fcm,
            recaptcha,
            nexus,
            control,
            external,
            internal,
        ] = ports;
        let arguments = [
            ("--ors-port", orchestration),
            ("--urs-port", urs),
            ("--urs-backup-port", urs_backup),
            ("--auth-port", auth),
            ("--environment-port", env),
            ("--configuration-port", conf),
            ("--statistics-port", stats),
            ("--fcm-port", fcm),
            ("--recaptcha-port", recaptcha),
            ("--nexus-port", nexus),
            ("--control-port", control),
        ];
        let arguments: Vec<_> =
            arguments.iter().flat_map(|(flag, port)| [(*flag).to_owned(), port.to_string()]).collect();
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let mut sim = Program::start("ges-sim", &workspace_binary("ges-sim")?, &arguments, &[], folder.path())?;
        sim.wait_for_http(control, "/_sim/ors/sessions", READY_WITHIN)?;
        put(control, "env", &registry())?;

        let local = |port: u16| format!("http://127.0.0.1:{port}");
        let redis = environment("GES_TEST_REDIS_URL")?;
        let redis =
            redis.trim_end_matches("/0").rsplit_once(':').context("no port in GES_TEST_REDIS_URL")?.1.to_owned();
        let mut pods: Vec<(String, String)> = [
            ("GES_LOG__LEVEL", "trace".to_owned()),
            ("GES_SERVER__BIND_ADDRESS", "127.0.0.1".into()),
            ("GES_SERVER__INTERNAL_URL", format!("127.0.0.1:{internal}")),
            ("GES_DB__HOST", "127.0.0.1".into()),
            ("GES_DB__PORT", database.port().to_string()),
            ("GES_DB__NAME", database.name.clone()),
            ("GES_DB__USER", "postgres".into()),
            ("GES_DB__PASSWORD", canary::DATABASE_PASSWORD.into()),
            ("GES_DB__POOL_SIZE", "4".into()),
            ("GES_GWS__AUTH_URL", local(auth)),
            ("GES_GWS__ENV_URL", local(env)),
            ("GES_GWS__CONF_URL", local(conf)),
            ("GES_GWS__STATS_URL", local(stats)),
            ("GES_PUSH__FCM_URL", local(fcm)),
            ("GES_NEXUS__URL", local(nexus)),
            ("GES_CAPTCHA__BASE_URL", local(recaptcha)),
            ("GES_CAPTCHA__ENTERPRISE_URL", local(recaptcha)),
            ("GES_GWS__CLIENT_ID", CLIENT_ID.into()),
            ("GES_GWS__CLIENT_SECRET", canary::CLIENT_SECRET.into()),
            ("GES_URS__URLS", format!("{},{}", local(urs), local(urs_backup))),
            ("GES_VMCS__REDIS_HOST", "127.0.0.1".into()),
            ("GES_VMCS__REDIS_PORT", redis),
            ("GES_VMCS__REDIS_STREAM_NAME", database.name.clone()),
            ("GES_VMCS__ORS_URL", local(orchestration)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        pods.extend(plan.environment.iter().cloned());

        let document = json!({
            "tenant": TENANT,
            "businessHours": plan.hours,
            "callInGroups": plan.call_in_groups,
            "services": plan.services.iter().map(Service::document).collect::<Vec<_>>(),
        });
        let file = folder.path().join("provisioning.json");
        std::fs::write(&file, document.to_string())?;
        let binary = workspace_binary("ges-api")?;
        let file = file.display().to_string();
        let mut provision = Program::start("provision", &binary, &["provision", &file], &pods, folder.path())?;
        ensure!(provision.wait(READY_WITHIN)?.success(), "`ges-api provision` failed:\n{}", provision.tail());

        let own = |ports: &[(&str, u16)]| {
            let ports = ports.iter().map(|(name, port)| ((*name).to_owned(), port.to_string()));
            pods.iter().cloned().chain(ports).collect::<Vec<_>>()
        };
        let listeners = own(&[("GES_SERVER__INTERNAL_PORT", internal), ("GES_SERVER__EXTERNAL_PORT", external)]);
        let mut api = Program::start("ges-api", &binary, &[], &listeners, folder.path())?;
        api.wait_for_http(internal, Cluster::READY, READY_WITHIN)?;
        let (worker, of_worker) = match plan.worker {
            false => (None, None),
            true => {
                let port = free_port()?;
                let environment = own(&[("GES_SERVER__INTERNAL_PORT", port)]);
                let binary = workspace_binary("ges-worker")?;
                let mut worker = Program::start("ges-worker", &binary, &[], &environment, folder.path())?;
                worker.wait_for_http(port, Cluster::READY, READY_WITHIN)?;
                (Some(worker), Some(port))
            }
        };
        Ok(Self { worker, api, sim, database, external, internal, of_worker, control, pods, folder })
    }

    /// The official client with this tenant's key, on the external listener.
    pub fn client(&self) -> OfficialClient {
        OfficialClient::new(self.external, canary::API_KEY)
    }

    /// Sends to the external listener.
    ///
    /// # Errors
    /// There is no answer.
    pub fn external(&self, request: &Request) -> Result<Reply> {
        send(self.external, request)
    }

    /// Sends to the internal listener.
    ///
    /// # Errors
    /// There is no answer.
    pub fn internal(&self, request: &Request) -> Result<Reply> {
        send(self.internal, request)
    }

    /// Sends to the control plane of the simulated outside.
    ///
    /// # Errors
    /// There is no answer.
    pub fn outside(&self, request: &Request) -> Result<Reply> {
        send(self.control, request)
    }

    /// What `check-config` of a program of ours says with the settings of the pods and these, which win; on both outputs.
    ///
    /// # Errors
    /// It does not end.
    pub fn check_config(&self, program: &str, settings: &[(&str, &str)]) -> Result<String> {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment: Vec<_> = self.pods.iter().cloned().chain(settings).collect();
        let folder = tempfile::tempdir_in(self.folder.path())?;
        let binary = workspace_binary(program)?;
        let mut checked = Program::start(program, &binary, &["check-config"], &environment, folder.path())?;
        checked.wait(READY_WITHIN)?;
        Ok(checked.output())
    }

    /// The value of a setting of the pods.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.pods.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Starts another pod with the settings of the pods and these, which win, waits until `enough`, asks it for `paths` on its internal
    /// listener, and ends it. What it has written and answered.
    ///
    /// # Errors
    /// It does not serve, or it is never enough.
    pub fn another(
        &self,
        program: &str,
        settings: &[(&str, &str)],
        paths: &[&str],
        enough: impl Fn() -> bool,
    ) -> Result<String> {
        let (internal, external) = (free_port()?.to_string(), free_port()?.to_string());
        let ports = [("GES_SERVER__INTERNAL_PORT", &*internal), ("GES_SERVER__EXTERNAL_PORT", &*external)];
        let more = settings.iter().chain(&ports).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment: Vec<_> = self.pods.iter().cloned().chain(more).collect();
        let folder = tempfile::tempdir_in(self.folder.path())?;
        let mut pod = Program::start(program, &workspace_binary(program)?, &[], &environment, folder.path())?;
        let internal = internal.parse()?;
        pod.wait_for_http(internal, "/ges/v1/health/live", READY_WITHIN)?;
        let begun = Instant::now();
        while !enough() {
            ensure!(begun.elapsed() < READY_WITHIN, "never enough:\n{}", pod.tail());
            std::thread::park_timeout(Duration::from_millis(100));
        }
        // What was just answered is yet to be taken in, and written about.
        std::thread::park_timeout(Duration::from_secs(3));
        let mut told = String::new();
        for path in paths {
            let Reply { status, headers, body, .. } = send(internal, &Request::new("GET", path))?;
            told.push_str(&format!("{path}: {status} {headers:?} {body}\n"));
        }
        pod.kill()?;
        Ok(told + &pod.output())
    }

    /// Applies another provisioning document.
    ///
    /// # Errors
    /// With what the program said.
    pub fn provision(&self, document: &Value) -> Result<()> {
        let file = self.folder.path().join("more.json");
        std::fs::write(&file, document.to_string())?;
        let (binary, file) = (workspace_binary("ges-api")?, file.display().to_string());
        let mut program = Program::start("provision", &binary, &["provision", &file], &self.pods, self.folder.path())?;
        ensure!(program.wait(READY_WITHIN)?.success(), "{}", program.tail());
        Ok(())
    }

    /// Tells the simulated outside a state: `urs`, `env`, `floor`.
    ///
    /// # Errors
    /// It does not take it.
    pub fn tell(&self, target: &str, state: &Value) -> Result<()> {
        put(self.control, target, state)
    }

    /// Orders a fault of the simulated outside.
    ///
    /// # Errors
    /// It does not take it.
    pub fn order_fault(&self, fault: &Value) -> Result<()> {
        let request = Request::new("POST", "/_sim/faults").header("content-type", "application/json");
        let reply = send(self.control, &request.body(fault.to_string()))?;
        ensure!(reply.status == 200, "{}", reply.body);
        Ok(())
    }

    /// Runs SQL behind the pod's back.
    ///
    /// # Errors
    /// With what PostgreSQL says.
    pub fn sql(&self, statement: &str) -> Result<()> {
        self.database.sql(statement)
    }

    /// Everything the pods have written.
    pub fn log(&self) -> String {
        let provision = std::fs::read_to_string(self.folder.path().join("provision.log")).unwrap_or_default();
        let worker = self.worker.as_ref().map(Program::output).unwrap_or_default();
        [self.api.output(), worker, provision].concat()
    }

    /// Where logs are; gone when the server is dropped.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The log lines of the request with this correlation id. Answers are sent before their line may be written.
    pub fn lines_of(&self, corr_id: &str) -> Vec<Value> {
        let log = self.api.output();
        let lines = log.lines().filter(|line| line.contains(corr_id));
        lines.filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Checks that no canary was logged.
    ///
    /// # Errors
    /// Which ones were, each with its first line.
    pub fn nothing_personal_was_logged(&self) -> Result<()> {
        let log = self.log();
        let found = canary::found_in(&log);
        let line = |canary: &&str| log.lines().find(|line| line.contains(*canary)).unwrap_or_default().to_owned();
        if found.is_empty() {
            Ok(())
        } else {
            bail!("{found:?} in the log: {:#?}", found.iter().map(line).collect::<Vec<_>>())
        }
    }

    /// Whether the outside and the pods are all still there.
    pub fn all_run(&mut self) -> bool {
        self.sim.runs() && self.api.runs() && self.worker.as_mut().is_none_or(Program::runs)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.nothing_personal_was_logged().is_ok(), "I11: {:?}", self.nothing_personal_was_logged());
        }
    }
}

fn put(control: u16, target: &str, state: &Value) -> Result<()> {
    let request = Request::new("PUT", &format!("/_sim/state/{target}")).header("content-type", "application/json");
    let reply = send(control, &request.body(state.to_string()))?;
    ensure!(reply.status == 200, "{target}: {} {}", reply.status, reply.body);
    Ok(())
}

/// Two contact centers with keys and web origins.
fn registry() -> Value {
    let center = |id: &str, name: &str, key: &str, origins: &str| {
        json!({
            "id": id, "name": name, "domain": name, "apiKeys": [key],
            "settings": [{ "name": "cors-origins", "value": origins }],
        })
    };
    json!({
        "tenants": [
            center(TENANT, "Environment", canary::API_KEY, "https://*.example.com,http://localhost:3000"),
            center(OTHER_TENANT, "Others", OTHER_KEY, OTHER_ORIGIN),
        ],
        "clients": [{ "id": CLIENT_ID, "secret": canary::CLIENT_SECRET }],
    })
}
