//! What is asked about models, threads, races and the explorer.

use lab::Text;

use super::{ANY, Asked, DEARER, FASTER, NONE_OR_SOME};

pub(super) static ASKED: &[Asked] = &[
    Asked {
        lesson: "two-cakes",
        claim: "cakes-overlap-threads",
        ask: Text::new(
            "Two cakes only have to stand in the oven. How much faster are two threads than one cake after the other?",
            "Dois bolos só precisam ficar no forno. Quanto duas threads são mais rápidas que um bolo depois do outro?",
        ),
        choices: FASTER,
        because: Text::new(
            "Waiting needs no processor. Both ovens run while nobody looks, so two waits take the time of one, even on a single core.",
            "Esperar não ocupa processador. Os dois fornos funcionam sem que ninguém olhe, e duas esperas levam o tempo de uma, mesmo com um só núcleo.",
        ),
    },
    Asked {
        lesson: "cpu-cakes",
        claim: "cpu-cakes-async",
        ask: Text::new(
            "Now the cakes must be stirred all the time. How much faster is an event loop than one cake after the other?",
            "Agora é preciso bater a massa o tempo todo. Quanto um laço de eventos é mais rápido que um bolo depois do outro?",
        ),
        choices: FASTER,
        because: Text::new(
            "An event loop is one thread, one pair of hands. It is good at waiting for many things and no help at all with computing.",
            "Um laço de eventos é uma só thread, um só par de mãos. Ele sabe esperar por muitas coisas e não ajuda em nada a calcular.",
        ),
    },
    Asked {
        lesson: "five-workers",
        claim: "five-workers-overlap",
        ask: Text::new(
            "One worker computes a little and waits a lot. Five of them start on threads: how long do they take together?",
            "Um trabalhador calcula um pouco e espera muito. Cinco deles começam em threads: quanto tempo levam juntos?",
        ),
        choices: &[
            (Text::new("hardly longer than one", "quase o mesmo que um"), 2.0),
            (Text::new("two to four times as long", "de duas a quatro vezes mais"), 4.0),
            (Text::new("five times as long", "cinco vezes mais"), ANY),
        ],
        because: Text::new(
            "The waits lie on top of each other, and only the little computing has to share the processors.",
            "As esperas ficam umas sobre as outras, e só o pouco cálculo precisa dividir os processadores.",
        ),
    },
    Asked {
        lesson: "models-table",
        claim: "process-start-dearer",
        ask: Text::new(
            "How many times as long as a thread does a process take to start and to end?",
            "Quantas vezes mais que uma thread um processo leva para começar e terminar?",
        ),
        choices: DEARER,
        because: Text::new(
            "A process gets a memory of its own, which has to be made and taken down; a thread only gets a stack.",
            "Um processo ganha uma memória própria, que precisa ser montada e desmontada; uma thread ganha apenas uma pilha.",
        ),
    },
    Asked {
        lesson: "start-join",
        claim: "stack-two-mib",
        ask: Text::new(
            "How much memory does Rust reserve for the stack of a thread, if you say nothing?",
            "Quanta memória o Rust reserva para a pilha de uma thread, se você não diz nada?",
        ),
        choices: &[
            (Text::new("up to 256 KiB", "até 256 KiB"), 0.25),
            (Text::new("about 2 MiB", "cerca de 2 MiB"), 4.0),
            (Text::new("8 MiB or more", "8 MiB ou mais"), ANY),
        ],
        because: Text::new(
            "It is reserved and not used: the system gives a page only when it is touched. That is why a thousand threads fit, and a million do not.",
            "É reservada e não usada: o sistema só entrega uma página quando ela é tocada. Por isso mil threads cabem e um milhão não.",
        ),
    },
    Asked {
        lesson: "shared-data",
        claim: "parts-do-not-conflict",
        ask: Text::new(
            "Several threads write to one list without any lock, each to a part of its own. How many cells go wrong?",
            "Várias threads gravam em uma mesma lista sem trava, cada uma na sua parte. Quantas células saem erradas?",
        ),
        choices: NONE_OR_SOME,
        because: Text::new(
            "A race needs two that touch the same place. Who owns a part alone needs no lock for it.",
            "Uma corrida precisa de dois que toquem o mesmo lugar. Quem é dono de uma parte não precisa de trava para ela.",
        ),
    },
    Asked {
        lesson: "early-reader",
        claim: "early-reader-finds-nothing",
        ask: Text::new(
            "A reader and a writer start together, and the reader does not wait. How often does it find nothing?",
            "Um leitor e um escritor começam juntos, e o leitor não espera. Quantas vezes ele não encontra nada?",
        ),
        choices: &[
            (Text::new("never", "nunca"), 0.5),
            (Text::new("at least once", "pelo menos uma vez"), ANY),
        ],
        because: Text::new(
            "Nothing says who comes first. A queue does: taking from it means waiting until something is there.",
            "Nada diz quem chega primeiro. Uma fila diz: tirar dela é esperar até que haja alguma coisa.",
        ),
    },
    Asked {
        lesson: "scoped",
        claim: "scope-joins",
        ask: Text::new(
            "A scope of threads has just ended. How many of its threads are still running?",
            "Um escopo de threads acaba de terminar. Quantas das suas threads ainda estão executando?",
        ),
        choices: NONE_OR_SOME,
        because: Text::new(
            "The scope joins them all before it ends, and that is why its threads may borrow what lies outside.",
            "O escopo espera por todas antes de terminar, e por isso suas threads podem pegar emprestado o que está fora.",
        ),
    },
    Asked {
        lesson: "counter",
        claim: "counter-loses",
        ask: Text::new(
            "Two threads add 1 to the same number a million times each, with no lock. How many additions are lost?",
            "Duas threads somam 1 ao mesmo número um milhão de vezes cada, sem trava. Quantas somas se perdem?",
        ),
        choices: &[
            (Text::new("none", "nenhuma"), 0.5),
            (Text::new("a handful, up to a hundred", "um punhado, até cem"), 100.0),
            (Text::new("many more than that", "muito mais que isso"), ANY),
        ],
        because: Text::new(
            "Adding is reading, adding and writing. Whoever writes in between is overwritten, and on two cores that happens all the time.",
            "Somar é ler, somar e gravar. Quem grava no meio é sobrescrito, e com dois núcleos isso acontece o tempo todo.",
        ),
    },
    Asked {
        lesson: "bank",
        claim: "bank-lock-exact",
        ask: Text::new(
            "Transfers between two accounts lose money. Now each holds one lock from its first reading to its last writing. How many cents are off?",
            "Transferências entre duas contas perdem dinheiro. Agora cada uma segura uma trava da primeira leitura à última gravação. Quantos centavos faltam?",
        ),
        choices: NONE_OR_SOME,
        because: Text::new(
            "The lock makes the whole transfer one step. Held for each reading and writing alone it would mend nothing.",
            "A trava faz da transferência inteira um só passo. Segurada só em cada leitura e gravação, não consertaria nada.",
        ),
    },
    Asked {
        lesson: "lock-or-rlock",
        claim: "relock-deadlocks",
        ask: Text::new(
            "A thread holds an ordinary lock and calls a method that takes the same lock. How many deadlocks are seen?",
            "Uma thread segura uma trava comum e chama um método que pega a mesma trava. Quantos deadlocks são vistos?",
        ),
        choices: NONE_OR_SOME,
        because: Text::new(
            "It waits for the holder, and the holder is itself. A reentrant lock asks who comes, and lets its holder in.",
            "Ela espera por quem segura a trava, que é ela mesma. Uma trava reentrante pergunta quem é, e deixa entrar quem já a segura.",
        ),
    },
    Asked {
        lesson: "two-locks",
        claim: "lock-order-mends",
        ask: Text::new(
            "Two threads that take two locks in opposite order can wait for ever. Now both take them in one order. How many deadlocks are left?",
            "Duas threads que pegam duas travas em ordem oposta podem esperar para sempre. Agora as duas seguem uma só ordem. Quantos deadlocks restam?",
        ),
        choices: NONE_OR_SOME,
        because: Text::new(
            "A deadlock is a ring of waiting. With one order for all, nobody waits for a lock that comes earlier, and no ring closes.",
            "Um deadlock é um círculo de espera. Com uma só ordem, ninguém espera por uma trava anterior, e o círculo nunca se fecha.",
        ),
    },
    Asked {
        lesson: "interleavings",
        claim: "six-orders",
        ask: Text::new(
            "Two threads take two steps each. In how many different orders can the four steps happen?",
            "Duas threads dão dois passos cada. Em quantas ordens diferentes os quatro passos podem acontecer?",
        ),
        choices: &[
            (Text::same("2"), 2.5),
            (Text::same("4"), 4.5),
            (Text::same("6"), 6.5),
            (Text::same("24"), ANY),
        ],
        because: Text::new(
            "Each thread keeps its own order, so only the places of its two steps among four can be chosen: 4 over 2. With ten steps each it is 184,756, and a test has seen a few of them.",
            "Cada thread mantém a sua ordem, então só se escolhem os lugares dos seus dois passos entre quatro: 4 sobre 2. Com dez passos cada, são 184.756, e um teste viu alguns deles.",
        ),
    },
];
