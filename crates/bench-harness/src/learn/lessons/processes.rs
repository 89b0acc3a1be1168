//! What is asked about processes and async.

use lab::Text;

use super::{ANY, Asked, NONE_OR_SOME};

pub(super) static ASKED: &[Asked] = &[
    Asked {
        lesson: "process-names",
        claim: "processes-share-nothing",
        ask: Text::new(
            "A worker process changes a variable. How many of its changes does the parent see?",
            "Um processo trabalhador muda uma variável. Quantas das mudanças o pai vê?",
        ),
        choices: NONE_OR_SOME,
        because: Text::new(
            "Each process has a memory of its own. What is to be shared must be sent, or lie in memory that was asked for as shared.",
            "Cada processo tem a sua memória. O que deve ser compartilhado precisa ser enviado, ou ficar em memória pedida como compartilhada.",
        ),
    },
    Asked {
        lesson: "process-queue",
        claim: "queue-once",
        ask: Text::new(
            "Two processes take tasks from one queue. How many tasks are done twice or not at all?",
            "Dois processos tiram tarefas de uma fila. Quantas são feitas duas vezes ou nenhuma?",
        ),
        choices: NONE_OR_SOME,
        because: Text::new(
            "What one has taken is not there any more for the other. Who takes what is chance; that each is taken once is not.",
            "O que um tirou já não está lá para o outro. Quem tira o quê é acaso; que cada uma seja tirada uma só vez não é.",
        ),
    },
    Asked {
        lesson: "shared-value",
        claim: "shared-value-loses",
        ask: Text::new(
            "Two processes count on one number in shared memory, without a lock. How many updates are lost?",
            "Dois processos contam em um número em memória compartilhada, sem trava. Quantas atualizações se perdem?",
        ),
        choices: NONE_OR_SOME,
        because: Text::new(
            "Shared memory brings the race along: it does not matter whether threads or processes read, add and write.",
            "A memória compartilhada traz a corrida junto: não importa se são threads ou processos que leem, somam e gravam.",
        ),
    },
    Asked {
        lesson: "pipe",
        claim: "pipe-holds-64k",
        ask: Text::new(
            "Nobody reads from a pipe. How many bytes does it take before its writer has to wait?",
            "Ninguém lê de um pipe. Quantos bytes ele recebe antes que o escritor tenha de esperar?",
        ),
        choices: &[
            (Text::new("none", "nenhum"), 0.5),
            (Text::new("up to 4 KiB", "até 4 KiB"), 4096.0),
            (Text::same("64 KiB"), 100_000.0),
            (Text::new("as many as memory holds", "quantos couberem na memória"), ANY),
        ],
        because: Text::new(
            "A pipe is a queue with an end. Two programs that both write first and read later stand still as soon as it is full.",
            "Um pipe é uma fila com limite. Dois programas que primeiro escrevem e só depois leem param assim que ele enche.",
        ),
    },
    Asked {
        lesson: "process-pool",
        claim: "pool-size",
        ask: Text::new(
            "A pool of 3 gets many tasks. How many different processes do them?",
            "Um pool de 3 recebe muitas tarefas. Quantos processos diferentes as fazem?",
        ),
        choices: &[
            (Text::same("1"), 1.5),
            (Text::same("3"), 3.5),
            (Text::new("one for each task", "um para cada tarefa"), ANY),
        ],
        because: Text::new(
            "The pool starts its processes once and feeds them. That is its whole point: a start costs more than most tasks.",
            "O pool inicia os processos uma vez e os alimenta. É para isso que existe: um início custa mais que a maioria das tarefas.",
        ),
    },
    Asked {
        lesson: "isolation",
        claim: "crash-costs-one-task",
        ask: Text::new(
            "One of 8 tasks crashes its worker process. How many of the 7 others are lost?",
            "Uma de 8 tarefas derruba o seu processo trabalhador. Quantas das outras 7 se perdem?",
        ),
        choices: &[
            (Text::new("none", "nenhuma"), 0.5),
            (Text::new("some", "algumas"), 6.5),
            (Text::new("all", "todas"), ANY),
        ],
        because: Text::new(
            "A process dies alone. A thread that crashes like that takes its whole process along, and every task with it.",
            "Um processo morre sozinho. Uma thread que cai assim leva junto o processo inteiro, e todas as tarefas.",
        ),
    },
    Asked {
        lesson: "event-loop",
        claim: "loop-has-one-thread",
        ask: Text::new(
            "Many tasks are under way on an event loop. On how many threads do they run?",
            "Muitas tarefas estão em andamento em um laço de eventos. Em quantas threads elas executam?",
        ),
        choices: &[
            (Text::same("1"), 1.5),
            (Text::new("one for each processor", "uma por processador"), 64.0),
            (Text::new("one for each task", "uma por tarefa"), ANY),
        ],
        because: Text::new(
            "One thread turns to whatever is ready. All the others wait, which needs no thread.",
            "Uma thread se volta para o que estiver pronto. As outras tarefas esperam, e esperar não precisa de thread.",
        ),
    },
    Asked {
        lesson: "coffee-and-toast",
        claim: "gather-takes-the-longest",
        ask: Text::new(
            "Coffee takes 1 unit of time and toast takes 2. Both are started together: when is breakfast ready?",
            "O café leva 1 unidade de tempo e a torrada leva 2. Os dois começam juntos: quando o café da manhã fica pronto?",
        ),
        choices: &[
            (Text::new("after 1", "depois de 1"), 1.5),
            (Text::new("after 2", "depois de 2"), 2.6),
            (Text::new("after 3", "depois de 3"), ANY),
        ],
        because: Text::new(
            "What is gathered takes as long as its longest part. Shortening the coffee would gain nothing.",
            "O que é reunido leva o tempo da parte mais longa. Apressar o café não adiantaria nada.",
        ),
    },
    Asked {
        lesson: "sleepers",
        claim: "task-is-small",
        ask: Text::new(
            "How much memory does one sleeping task take?",
            "Quanta memória ocupa uma tarefa que dorme?",
        ),
        choices: &[
            (Text::new("less than 2 KiB", "menos de 2 KiB"), 2048.0),
            (Text::new("2 to 64 KiB", "de 2 a 64 KiB"), 65_536.0),
            (Text::new("about 2 MiB", "cerca de 2 MiB"), ANY),
        ],
        because: Text::new(
            "A task keeps what it needs after its wait, and no stack. A hundred thousand fit where threads would need gigabytes.",
            "Uma tarefa guarda só o que usará depois da espera, e nenhuma pilha. Cem mil cabem onde threads pediriam gigabytes.",
        ),
    },
    Asked {
        lesson: "semaphore",
        claim: "semaphore-bounds",
        ask: Text::new(
            "A semaphore has 3 permits, and many requests come at once. How many are inside at the most?",
            "Um semáforo tem 3 permissões, e muitas requisições chegam juntas. Quantas ficam dentro, no máximo?",
        ),
        choices: &[
            (Text::same("1"), 1.5),
            (Text::same("3"), 3.5),
            (Text::new("all of them", "todas elas"), ANY),
        ],
        because: Text::new(
            "Who finds no permit waits until somebody gives one back. It protects a server from a client that could start ten thousand requests.",
            "Quem não encontra permissão espera até que alguém devolva uma. Isso protege um servidor do cliente que poderia fazer dez mil requisições.",
        ),
    },
    Asked {
        lesson: "timeouts",
        claim: "timeout-in-time",
        ask: Text::new(
            "A wait of 200 ms has a time-out of 20 ms. After how long does it give up?",
            "Uma espera de 200 ms tem um limite de 20 ms. Depois de quanto tempo ela desiste?",
        ),
        choices: &[
            (Text::new("soon after 20 ms", "logo depois de 20 ms"), 100.0),
            (Text::new("after 200 ms", "depois de 200 ms"), 250.0),
            (Text::new("later still", "ainda mais tarde"), ANY),
        ],
        because: Text::new(
            "A wait can be left at any moment. Work that blocks the thread cannot: the time-out would only be noticed after it.",
            "Uma espera pode ser abandonada a qualquer momento. Um trabalho que bloqueia a thread não: o limite só seria notado depois dele.",
        ),
    },
    Asked {
        lesson: "cancellation",
        claim: "cancel-drops",
        ask: Text::new(
            "100 tasks that each hold something are cancelled while they wait. How many things are never given back?",
            "100 tarefas que seguram alguma coisa são canceladas enquanto esperam. Quantas coisas nunca são devolvidas?",
        ),
        choices: NONE_OR_SOME,
        because: Text::new(
            "A cancelled task is dropped where it waits, and its values with it. A line of code after the wait would never run.",
            "Uma tarefa cancelada é descartada onde espera, junto com os seus valores. Uma linha de código depois da espera nunca executaria.",
        ),
    },
    Asked {
        lesson: "blocking-in-async",
        claim: "blocking-delays-all",
        ask: Text::new(
            "One task of an event loop blocks its thread for a while. By how much are all the others late?",
            "Uma tarefa de um laço de eventos bloqueia a thread por um tempo. Quanto todas as outras atrasam?",
        ),
        choices: &[
            (Text::new("not at all", "nada"), 0.2),
            (Text::new("by a part of that time", "uma parte desse tempo"), 0.9),
            (Text::new("by all of that time", "todo esse tempo"), ANY),
        ],
        because: Text::new(
            "There is one thread, and it is not given back until the block ends. What blocks belongs on a helper thread.",
            "Só há uma thread, e ela não é devolvida até o bloqueio terminar. O que bloqueia deve ir para uma thread auxiliar.",
        ),
    },
];
