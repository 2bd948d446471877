//! What a deployment is made of, and how its programs are configured.

use anyhow::Result;

use super::{Cluster, Node, ServerPorts, free_port, workspace_binary};

/// Which part of the outside the simulator plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Simulator {
    /// None: nobody knows an API key.
    Absent,
    /// Authentication, environment service, routers and orchestration REST; the stream is left for the test to read.
    Peers,
    /// All of it: sessions start from the stream and run to their end.
    #[default]
    Whole,
}

/// Ports that parts of the simulated outside are to listen on, because a test stands between them and the pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GwsPorts {
    /// GWS Authentication.
    pub authentication: u16,
    /// GWS Configuration.
    pub configuration: u16,
}

/// What to start.
#[derive(Debug, Clone)]
pub struct ClusterPlan {
    /// API pods.
    pub apis: usize,
    /// Workers.
    pub workers: usize,
    /// Whether a commit survives a crash of PostgreSQL. Slower, and what a bench measures.
    pub durable_postgres: bool,
    /// Further settings of PostgreSQL, `name=value` each.
    pub postgres_settings: Vec<String>,
    /// The outside.
    pub simulator: Simulator,
    /// Whether nodes ask the routers for waits; without, waits are unknown and callbacks are due at their desired time.
    pub routers: bool,
    /// Whether pods know the Configuration service: workers keep VQ proxies there.
    pub configuration: bool,
    /// Where the simulated GWS listens; none: anywhere.
    pub gws: Option<GwsPorts>,
    /// Further arguments of the simulator.
    pub simulator_arguments: Vec<String>,
    /// Whether pods use Redis (`GES_REDIS__…`): to spare the database counting, and to share news of sessions.
    pub accelerated: bool,
    /// Ports of the nodes of a Redis Cluster that takes the place of the single Redis; none without. It outlives the deployment.
    pub redis_cluster: Vec<u16>,
    /// Provisioning documents, applied in order before the pods start.
    pub provisioning: Vec<String>,
    /// Further settings of every pod; these win.
    pub environment: Vec<(String, String)>,
}

impl Default for ClusterPlan {
    fn default() -> Self {
        Self {
            apis: 1,
            workers: 1,
            durable_postgres: false,
            postgres_settings: Vec::new(),
            simulator: Simulator::default(),
            routers: false,
            configuration: false,
            gws: None,
            simulator_arguments: Vec::new(),
            accelerated: false,
            redis_cluster: Vec::new(),
            provisioning: Vec::new(),
            environment: Vec::new(),
        }
    }
}

/// Seals the credentials of a deployment that is gone when its test ends.
const CREDENTIALS_KEY: &str = "dGVzdC10ZXN0LXRlc3QtdGVzdC10ZXN0LXRlc3QtdDE=";

/// Settings by name.
type Environment = Vec<(String, String)>;

/// Ports of the simulated peers.
struct Peers {
    orchestration: u16,
    routers: [u16; 2],
    authentication: u16,
    environment: u16,
    configuration: u16,
    push: u16,
    recaptcha: u16,
    nexus: u16,
    control: u16,
}

/// Every node of the plan, none started. `servers`: where pods find them; `redis`: where the simulator does.
pub(super) fn nodes(plan: &ClusterPlan, servers: ServerPorts, redis: u16) -> Result<Vec<Node>> {
    let ServerPorts { postgres, redis: stream } = servers;
    // Its nodes tell their own addresses, so that nothing can stand between.
    let stream = plan.redis_cluster.first().copied().unwrap_or(stream);
    let peers = Peers {
        orchestration: free_port()?,
        routers: [free_port()?, free_port()?],
        authentication: plan.gws.map_or_else(free_port, |fixed| Ok(fixed.authentication))?,
        environment: free_port()?,
        configuration: plan.gws.map_or_else(free_port, |fixed| Ok(fixed.configuration))?,
        push: free_port()?,
        recaptcha: free_port()?,
        nexus: free_port()?,
        control: free_port()?,
    };
    let mut nodes = Vec::new();
    if plan.simulator != Simulator::Absent {
        nodes.push(simulator(plan, &peers, redis)?);
    }
    let mut first_api = None;
    for number in 0..plan.apis {
        let (internal, external) = (free_port()?, free_port()?);
        let first = *first_api.get_or_insert(internal);
        let mut environment = shared(plan, postgres, stream, &peers, Cluster::DATABASE, first);
        environment.push(("GES_SERVER__INTERNAL_PORT".into(), internal.to_string()));
        environment.push(("GES_SERVER__EXTERNAL_PORT".into(), external.to_string()));
        nodes.push(pod(&format!("api-{number}"), "ges-api", plan, environment, internal, Some(external))?);
    }
    for number in 0..plan.workers {
        let internal = free_port()?;
        let mut environment =
            shared(plan, postgres, stream, &peers, Cluster::WORKER_ROLE, first_api.unwrap_or(internal));
        environment.push(("GES_SERVER__INTERNAL_PORT".into(), internal.to_string()));
        nodes.push(pod(&format!("worker-{number}"), "ges-worker", plan, environment, internal, None)?);
    }
    Ok(nodes)
}

/// What `ges-api provision` needs.
pub(super) fn provisioner(postgres: u16) -> Environment {
    let gws = "http://127.0.0.1:1";
    let mut environment = database(postgres, Cluster::DATABASE);
    environment.extend(gws_of(gws, gws));
    environment
}

fn database(port: u16, user: &str) -> Environment {
    pairs(&[
        ("GES_DB__HOST", "127.0.0.1"),
        ("GES_DB__PORT", &port.to_string()),
        ("GES_DB__NAME", Cluster::DATABASE),
        ("GES_DB__USER", user),
        ("GES_DB__PASSWORD", "ges"),
    ])
}

fn accelerator(plan: &ClusterPlan, redis: u16) -> Environment {
    pairs(&[
        ("GES_REDIS__HOST", "127.0.0.1"),
        ("GES_REDIS__PORT", &redis.to_string()),
        ("GES_REDIS__CLUSTER_MODE", &(!plan.redis_cluster.is_empty()).to_string()),
    ])
}

fn gws_of(authentication: &str, environment: &str) -> Environment {
    pairs(&[
        ("GES_GWS__AUTH_URL", authentication),
        ("GES_GWS__ENV_URL", environment),
        ("GES_GWS__CLIENT_ID", "ges_client"),
        ("GES_GWS__CLIENT_SECRET", "secret"),
    ])
}

fn shared(plan: &ClusterPlan, postgres: u16, redis: u16, peers: &Peers, user: &str, api: u16) -> Environment {
    let mut environment = database(postgres, user);
    environment.extend(gws_of(&local(peers.authentication), &local(peers.environment)));
    environment.extend(pairs(&[
        ("GES_SERVER__BIND_ADDRESS", "127.0.0.1"),
        ("GES_SERVER__INTERNAL_URL", &format!("127.0.0.1:{api}")),
        ("GES_VMCS__REDIS_HOST", "127.0.0.1"),
        ("GES_VMCS__REDIS_PORT", &redis.to_string()),
        ("GES_VMCS__REDIS_CLUSTER_MODE", &(!plan.redis_cluster.is_empty()).to_string()),
        ("GES_VMCS__ORS_URL", &local(peers.orchestration)),
        ("GES_PUSH__FCM_URL", &local(peers.push)),
        ("GES_NEXUS__URL", &local(peers.nexus)),
        ("GES_CAPTCHA__BASE_URL", &local(peers.recaptcha)),
        ("GES_CAPTCHA__ENTERPRISE_URL", &local(peers.recaptcha)),
        ("GES_SECURITY__CREDENTIALS_KEY", CREDENTIALS_KEY),
    ]));
    if plan.accelerated {
        environment.extend(accelerator(plan, redis));
    }
    if plan.configuration {
        environment.push(("GES_GWS__CONF_URL".into(), local(peers.configuration)));
    }
    if plan.routers {
        let urls = format!("{},{}", local(peers.routers[0]), local(peers.routers[1]));
        environment.push(("GES_URS__URLS".into(), urls));
    } else {
        environment.push(("GES_DISCOVERY__KIND".into(), "static".into()));
    }
    environment
}

fn simulator(plan: &ClusterPlan, peers: &Peers, redis: u16) -> Result<Node> {
    let ports = [
        ("--ors-port", peers.orchestration),
        ("--urs-port", peers.routers[0]),
        ("--urs-backup-port", peers.routers[1]),
        ("--auth-port", peers.authentication),
        ("--environment-port", peers.environment),
        ("--configuration-port", peers.configuration),
        ("--fcm-port", peers.push),
        ("--recaptcha-port", peers.recaptcha),
        ("--nexus-port", peers.nexus),
        // Nobody in the cluster asks for statistics, so any free port will do.
        ("--statistics-port", 0),
        ("--control-port", peers.control),
    ];
    let mut arguments: Vec<_> =
        ports.into_iter().flat_map(|(flag, port)| [flag.to_owned(), port.to_string()]).collect();
    if plan.simulator == Simulator::Whole {
        let url = match plan.redis_cluster.first() {
            Some(node) => format!("redis-cluster://127.0.0.1:{node}"),
            None => format!("redis://127.0.0.1:{redis}"),
        };
        arguments.extend(["--redis".to_owned(), url]);
    }
    arguments.extend(plan.simulator_arguments.iter().cloned());
    Ok(Node {
        name: "ges-sim".into(),
        binary: workspace_binary("ges-sim")?,
        arguments,
        environment: Vec::new(),
        internal: peers.control,
        external: None,
        ready: "/_sim/ors/sessions",
        program: None,
        ready_after: None,
    })
}

fn pod(
    name: &str,
    binary: &str,
    plan: &ClusterPlan,
    mut environment: Environment,
    internal: u16,
    external: Option<u16>,
) -> Result<Node> {
    environment.extend(plan.environment.iter().cloned());
    Ok(Node {
        name: name.into(),
        binary: workspace_binary(binary)?,
        arguments: Vec::new(),
        environment,
        internal,
        external,
        ready: Cluster::READY,
        program: None,
        ready_after: None,
    })
}

fn pairs(settings: &[(&str, &str)]) -> Environment {
    settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn local(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_configured_by_documented_keys_alone() {
        let documented = include_str!("../../../../docs/configuration.md");
        let peers = Peers {
            orchestration: 1,
            routers: [2, 3],
            authentication: 4,
            environment: 5,
            configuration: 13,
            push: 10,
            recaptcha: 11,
            nexus: 12,
            control: 6,
        };
        let plan = ClusterPlan { routers: true, accelerated: true, ..ClusterPlan::default() };
        let mut keys = shared(&plan, 7, 8, &peers, Cluster::WORKER_ROLE, 9);
        assert!(keys.iter().any(|(key, _)| key == "GES_REDIS__HOST"), "of every pod");
        keys.extend(provisioner(7));
        for (key, _) in keys {
            assert!(documented.contains(&format!("| `{key}`")), "{key} is not documented");
        }
    }

    #[test]
    fn workers_hand_out_the_first_api_pod() {
        let peers = Peers {
            orchestration: 1,
            routers: [2, 3],
            authentication: 4,
            environment: 5,
            configuration: 13,
            push: 10,
            recaptcha: 11,
            nexus: 12,
            control: 6,
        };
        let settings = shared(&ClusterPlan::default(), 7, 8, &peers, Cluster::WORKER_ROLE, 9);
        assert!(settings.contains(&("GES_SERVER__INTERNAL_URL".into(), "127.0.0.1:9".into())));
        assert!(!settings.iter().any(|(key, _)| key == "GES_URS__URLS"), "no routers: callbacks are due at their time");
    }
}
