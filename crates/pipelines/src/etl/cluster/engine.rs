//! The engine: a scheduler, its executors, and a session that asks them. All of them are this program.

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use ballista_core::config::{BALLISTA_CLIENT_IO_RETRY_WAIT_TIME_MS, TaskSchedulingPolicy};
use ballista_core::extension::{SessionConfigExt, SessionStateExt};
use ballista_core::ids::new_instance_id;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::serde::BallistaCodec;
use ballista_core::serde::protobuf::ExecutorRegistration;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::scheduler::{ExecutorOperatingSystemSpecification, ExecutorSpecification};
use ballista_core::utils::{
    GrpcServerConfig, create_grpc_server, default_config_producer, default_session_builder,
};
use ballista_core::{BALLISTA_PROTOCOL_VERSION, ConfigProducer, JobId, RuntimeProducer};
use ballista_executor::execution_loop::poll_loop;
use ballista_executor::executor::Executor;
use ballista_executor::flight_service::BallistaFlightService;
use ballista_executor::health::ExecutorHealth;
use ballista_executor::metrics::LoggingMetricsCollector;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use ballista_scheduler::scheduler_server::SchedulerServer;
use ballista_scheduler::state::execution_graph::ExecutionGraph;
use ballista_scheduler::state::execution_stage::ExecutionStage;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use lab::{OrProblem, Problem};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Endpoint;

use super::codec::{Logical, Physical};

/// The largest message: a plan names every file of the lake.
const MESSAGE: u32 = 256 << 20;
/// How often the scheduler looks for executors that are gone.
const LOOK: Duration = Duration::from_secs(1);

/// So many looks in a row at a job that does nothing and waits for nothing that is done.
const IDLE: u32 = 5;

type Scheduler = SchedulerServer<LogicalPlanNode, PhysicalPlanNode>;

/// Serves as a scheduler until it is dropped. An executor that was not heard of for `patience` is taken for dead: the tasks
/// that it was at are done by the others, and a job that needs what it had done fails, to be asked for anew.
///
/// # Errors
/// Those of the engine.
pub(super) async fn schedule(listener: TcpListener, patience: Duration) -> Result<(), Problem> {
    let cannot = || "the scheduler cannot serve";
    let address = listener.local_addr().or_problem(cannot)?;
    let config = SchedulerConfig {
        external_host: address.ip().to_string(),
        bind_host: address.ip().to_string(),
        bind_port: address.port(),
        scheduling_policy: TaskSchedulingPolicy::PullStaged,
        executor_timeout_seconds: patience.as_secs().max(1),
        no_executors_grace_period_seconds: patience.as_secs().max(1),
        // What cannot be fetched died with its executor: see `watch`.
        stage_max_failures: 1,
        expire_dead_executor_interval_seconds: LOOK.as_secs(),
        grpc_server_max_decoding_message_size: MESSAGE,
        grpc_server_max_encoding_message_size: MESSAGE,
        grpc_client_max_message_size: MESSAGE,
        override_logical_codec: Some(Arc::new(Logical::default())),
        override_physical_codec: Some(Arc::new(Physical::default())),
        ..SchedulerConfig::default()
    };
    let cluster = BallistaCluster::new_memory(
        address.to_string(),
        Arc::new(default_session_builder),
        Arc::new(default_config_producer),
    );
    let scheduler = create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, Arc::new(config));
    let scheduler = scheduler.await.or_problem(cannot)?;
    let serving = start_grpc_service_with_listener(listener, scheduler.clone());
    tokio::select! {
        served = serving => served.or_problem(cannot),
        never = watch(&scheduler) => match never {},
    }
}

/// Gives up the jobs that cannot go on. When an executor dies with the rows of a stage that was whole, the engine's adaptive
/// planner does the stage again and then does not find who needs it: the job would wait for ever with nothing to do
/// (Ballista 55, issue 1986). Its other planner finds them, and gives them rows twice. Whoever asked learns that the job is
/// lost, and asks again.
async fn watch(scheduler: &Scheduler) -> Infallible {
    let mut idle: HashMap<JobId, u32> = HashMap::new();
    loop {
        tokio::time::sleep(LOOK).await;
        let jobs = scheduler.state.task_manager.get_running_job_cache();
        idle.retain(|job, _| jobs.contains_key(job));
        for (id, job) in jobs.iter() {
            let prospect = Prospect::of(&**job.execution_graph.read().await);
            let looks = idle.entry(id.clone()).or_default();
            *looks = if prospect == Prospect::Idle { *looks + 1 } else { 0 };
            if prospect == Prospect::Lost || *looks >= IDLE {
                tracing::warn!(target: "lab", "job {id} has lost what it needs and is given up");
                // A job that has ended in the meantime is none that can be given up.
                let _ = scheduler.cancel_job(id.clone()).await;
            }
        }
    }
}

/// What becomes of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prospect {
    /// It is being done, or waits for an executor.
    Good,
    /// Nothing of it is being done and nothing could be: so it is for a moment between two stages.
    Idle,
    /// A stage that had begun waits again for one that it needs.
    Lost,
}

impl Prospect {
    fn of(job: &dyn ExecutionGraph) -> Self {
        let any = |is: fn(&ExecutionStage) -> bool| job.stages().values().any(is);
        // The adaptive planner makes a stage when it can begin, so that one which cannot has been taken back.
        if any(|stage| matches!(stage, ExecutionStage::UnResolved(_))) {
            return Self::Lost;
        }
        let waits = any(|stage| matches!(stage, ExecutionStage::Resolved(_)));
        if waits || job.available_tasks() > 0 || !job.running_tasks().is_empty() {
            return Self::Good;
        }
        Self::Idle
    }
}

/// Serves as an executor of `scheduler` that does so many tasks at a time and keeps what it hands on in `folder`, until it is
/// dropped.
///
/// # Errors
/// A scheduler that is not there, and those of the engine.
pub(super) async fn execute(
    listener: TcpListener,
    scheduler: SocketAddr,
    folder: &Path,
    tasks: usize,
) -> Result<(), Problem> {
    let cannot = || "the executor cannot serve";
    let address = listener.local_addr().or_problem(cannot)?;
    let message = usize::try_from(MESSAGE).unwrap_or(usize::MAX);
    let client = connect(scheduler).await?;
    let specification = ExecutorSpecification::default().with_vcores(u32::try_from(tasks).unwrap_or(1));
    let registration = ExecutorRegistration {
        id: new_instance_id(),
        host: Some(address.ip().to_string()),
        port: address.port().into(),
        // Nobody calls an executor that asks for its tasks.
        grpc_port: address.port().into(),
        specification: Some(specification.into()),
        os_info: Some(ExecutorOperatingSystemSpecification::default().into()),
        ballista_protocol_version: BALLISTA_PROTOCOL_VERSION,
    };
    let runtime = RuntimeEnvBuilder::new().with_temp_file_path(folder).build_arc().or_problem(cannot)?;
    let runtimes: RuntimeProducer = Arc::new(move |_| Ok(Arc::clone(&runtime)));
    let configs: ConfigProducer = Arc::new(|| {
        default_config_producer().with_ballista_override_create_grpc_client_endpoint(Arc::new(lively))
    });
    let folder = folder.to_string_lossy().into_owned();
    let executor = Executor::with_default_execution_engine(
        registration,
        &folder,
        runtimes,
        configs,
        Arc::new(BallistaFunctionRegistry::default()),
        Arc::new(LoggingMetricsCollector::default()),
        tasks,
    );
    let flights = FlightServiceServer::new(BallistaFlightService::new(folder));
    let flights = flights.max_decoding_message_size(message).max_encoding_message_size(message);
    let serving = create_grpc_server(&GrpcServerConfig::default())
        .add_service(flights)
        .serve_with_incoming(TcpListenerStream::new(listener));
    let codec: BallistaCodec<LogicalPlanNode, PhysicalPlanNode> =
        BallistaCodec::new(Arc::new(Logical::default()), Arc::new(Physical::default()));
    let polling = poll_loop(client, Arc::new(executor), codec, None, None, ExecutorHealth::new());
    tokio::select! {
        served = serving => served.or_problem(cannot),
        polled = polling => polled.or_problem(cannot),
    }
}

async fn connect(scheduler: SocketAddr) -> Result<SchedulerGrpcClient<tonic::transport::Channel>, Problem> {
    let message = usize::try_from(MESSAGE).unwrap_or(usize::MAX);
    let client = SchedulerGrpcClient::connect(format!("http://{scheduler}")).await;
    let client = client.map_err(|error| {
        Problem::because("there is no scheduler", &error)
            .at(scheduler)
            .hint("start one first; README.md of `etl` says how")
    })?;
    Ok(client.max_decoding_message_size(message).max_encoding_message_size(message))
}

/// A connection to an executor that is silent without being gone fails after half a minute.
#[expect(clippy::unnecessary_wraps, reason = "the form that the engine wants")]
fn lively(endpoint: Endpoint) -> Result<Endpoint, Box<dyn Error + Send + Sync>> {
    Ok(endpoint
        .connect_timeout(Duration::from_secs(5))
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(20))
        .keep_alive_while_idle(true))
}

/// A session of this scheduler, whose answers are made in so many parts.
///
/// # Errors
/// A scheduler that is not there, and those of the engine.
pub(super) async fn session(scheduler: SocketAddr, parts: usize) -> Result<SessionContext, Problem> {
    drop(connect(scheduler).await?);
    let config = SessionConfig::new_with_ballista()
        .with_target_partitions(parts)
        // What `watch` says of a job is true with this planner.
        .with_ballista_adaptive_query_planner(true)
        // Rows that cannot be fetched are asked for three times more, and not three seconds apart.
        .set_usize(BALLISTA_CLIENT_IO_RETRY_WAIT_TIME_MS, 500)
        .with_ballista_override_create_grpc_client_endpoint(Arc::new(lively))
        .with_ballista_grpc_client_max_message_size(usize::try_from(MESSAGE).unwrap_or(usize::MAX))
        .with_ballista_logical_extension_codec(Arc::new(Logical::default()))
        .with_ballista_physical_extension_codec(Arc::new(Physical::default()));
    let state = SessionStateBuilder::new().with_config(config).with_default_features().build();
    let state = state.upgrade_for_ballista(format!("http://{scheduler}"));
    state.map(SessionContext::new_with_state).or_problem(|| "cannot open a session of the engine")
}
