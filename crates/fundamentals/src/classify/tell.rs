//! The evidence in words, and what follows from it.

use lab::measure::nanoseconds;
use owo_colors::OwoColorize;

use super::evidence::Evidence;
use super::waits::Doing;
use crate::stage::Stage;
use crate::text::Text;
use crate::words;

/// From this share of computing on, more processors are what helps.
const CPU_BOUND: f64 = 0.8;
/// Up to this share, overlapping the waits is.
const IO_BOUND: f64 = 0.3;
/// A command that is over sooner was hardly looked at.
const FEW_LOOKS: u64 = 5;

/// The verdict, the evidence for it, and what to do: a few lines in the reader's language.
pub(super) fn report(evidence: &Evidence, stage: &Stage) -> Vec<String> {
    let time = |seconds: f64| {
        nanoseconds(
            std::time::Duration::from_secs_f64(seconds.max(0.0)).as_nanos().try_into().unwrap_or(u64::MAX),
        )
    };
    let bytes = |bytes: u64| format!("{:.1} MiB", bytes as f64 / 1_048_576.0);
    let percent = 100.0 * evidence.computing();
    let processors = (evidence.user_s + evidence.system_s) / evidence.wall_s.max(1e-9);
    let mut lines = vec![verdict(evidence, stage).bold().to_string()];
    lines.push(words!(
        stage,
        "  time       {} in all; {} computing ({} in its code, {} in the kernel), {} ready without a processor: {percent:.0} %",
        "  tempo      {} ao todo; {} calculando ({} no próprio código, {} no kernel), {} pronto sem processador: {percent:.0} %",
        time(evidence.wall_s),
        time(evidence.user_s + evidence.system_s),
        time(evidence.user_s),
        time(evidence.system_s),
        time(evidence.ready_s)
    ));
    lines.push(words!(
        stage,
        "  at once    {processors:.2} processors on average; most at a time: {} threads, {} processes",
        "  ao mesmo   {processors:.2} processadores em média; máximo de uma vez: {} threads, {} processos",
        evidence.threads,
        evidence.processes
    ));
    if let Some((doing, share)) = evidence.waited_for() {
        lines.push(words!(
            stage,
            "  waiting    mostly for {} ({:.0} % of the threads seen waiting, {} looks)",
            "  espera     sobretudo por {} ({:.0} % das threads vistas esperando, {} olhadas)",
            name(doing).in_lang(stage.lang),
            100.0 * share,
            evidence.looks
        ));
    }
    lines.push(words!(
        stage,
        "  switches   gave the processor up {} times (it waited), lost it {} times (it computed)",
        "  trocas     cedeu o processador {} vezes (esperou), perdeu-o {} vezes (calculava)",
        evidence.voluntary,
        evidence.involuntary
    ));
    let delay = match evidence.disk_delay_s {
        Some(delay) => words!(stage, ", {} of waiting for it", ", {} de espera por ele", time(delay)),
        None => {
            words!(stage, " (this kernel does not account delays)", " (este kernel não contabiliza atrasos)")
        }
    };
    lines.push(words!(
        stage,
        "  disk       {} read, {} written{delay}; {} moved by reads and writes of any kind",
        "  disco      {} lidos, {} gravados{delay}; {} movidos por leituras e gravações de todo tipo",
        bytes(evidence.disk_read),
        bytes(evidence.disk_written),
        bytes(evidence.moved)
    ));
    lines.push(words!(
        stage,
        "  network    up to {} sockets; all programs of this machine together moved {}",
        "  rede       até {} sockets; todos os programas desta máquina juntos moveram {}",
        evidence.sockets,
        bytes(evidence.machine_network)
    ));
    lines.push(match (&evidence.signal, evidence.code) {
        (Some(signal), _) => {
            words!(stage, "  end        by signal {signal}", "  fim        pelo sinal {signal}")
        }
        (None, code) => {
            let code = code.unwrap_or_default();
            words!(stage, "  end        exit code {code}", "  fim        código de saída {code}")
        }
    });
    lines.push(format!("  {} {}", "→".green(), advice(evidence).in_lang(stage.lang)));
    if evidence.looks < FEW_LOOKS {
        lines.push(words!(
            stage,
            "  It was over too soon for more than {} looks; what it waited for is a guess.",
            "  Terminou cedo demais para mais de {} olhadas; o motivo da espera é um palpite.",
            evidence.looks
        ));
    }
    lines
}

fn verdict(evidence: &Evidence, stage: &Stage) -> String {
    let waited = evidence.waited_for().map_or(Doing::Other, |(doing, _)| doing);
    let what = name(waited).in_lang(stage.lang);
    match evidence.computing() {
        share if share >= CPU_BOUND && evidence.ready_s > evidence.user_s + evidence.system_s => words!(
            stage,
            "CPU-bound, and short of processors: it waited longer for one than it had one",
            "Limitado pela CPU, e faltou processador: esperou por um mais tempo do que o teve"
        ),
        share if share >= CPU_BOUND => words!(stage, "CPU-bound", "Limitado pela CPU"),
        share if share <= IO_BOUND => {
            words!(
                stage,
                "I/O-bound: it waits, mostly for {what}",
                "Limitado por E/S: espera, sobretudo por {what}"
            )
        }
        _ => words!(
            stage,
            "Both: it computes and waits, mostly for {what}",
            "Os dois: calcula e espera, sobretudo por {what}"
        ),
    }
}

fn advice(evidence: &Evidence) -> Text {
    match evidence.computing() {
        share if share >= CPU_BOUND => Text::new(
            "more processors help: threads or rayon in Rust, processes in Python; async does not",
            "mais processadores ajudam: threads ou rayon em Rust, processos em Python; async não",
        ),
        share if share <= IO_BOUND => Text::new(
            "overlap the waits: async tasks or many threads, on one processor; more processors do not help",
            "sobreponha as esperas: tarefas async ou muitas threads, num só processador; mais processadores não ajudam",
        ),
        _ => Text::new(
            "overlap computing and waiting: a pipeline of stages, or more threads than processors",
            "sobreponha cálculo e espera: um pipeline de etapas, ou mais threads do que processadores",
        ),
    }
}

fn name(doing: Doing) -> Text {
    match doing {
        Doing::Computing => Text::new("a processor", "um processador"),
        Doing::Disk => Text::new("a disk", "um disco"),
        Doing::Network => Text::new("the network", "a rede"),
        Doing::Pipe => Text::new("a pipe", "um pipe"),
        Doing::Terminal => Text::new("the terminal", "o terminal"),
        Doing::Clock => Text::new("a clock", "um relógio"),
        Doing::Lock => Text::new("a lock or another of its threads", "uma trava ou outra de suas threads"),
        Doing::Child => Text::new("a child", "um processo filho"),
        Doing::Events => Text::new("events of several kinds", "eventos de vários tipos"),
        Doing::Other => Text::new("something that cannot be told", "algo que não se pode identificar"),
    }
}
