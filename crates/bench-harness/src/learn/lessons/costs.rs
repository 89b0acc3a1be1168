//! What is asked about Python's lock, memory, costs and the larger lessons.

use lab::Text;

use super::{ANY, AT_ONCE, Asked, DEARER, FASTER, NONE_OR_SOME};

pub(super) static ASKED: &[Asked] = &[
    Asked {
        lesson: "gil",
        claim: "gil-one-thread-at-a-time",
        ask: Text::new(
            "Two Python threads compute. How many of them could run at the same moment?",
            "Duas threads de Python calculam. Quantas delas podem executar no mesmo instante?",
        ),
        choices: AT_ONCE,
        because: Text::new(
            "Python's interpreter has one lock, and who computes holds it. Who waits lets it go, so threads are good for downloads and not for sums.",
            "O interpretador do Python tem uma só trava, e quem calcula a segura. Quem espera a solta, e por isso threads servem para baixar e não para somar.",
        ),
    },
    Asked {
        lesson: "cpu-or-io",
        claim: "request-is-io-bound",
        ask: Text::new(
            "A program asks a slow server. What share of its time does it spend waiting?",
            "Um programa faz perguntas a um servidor lento. Que parte do tempo ele passa esperando?",
        ),
        choices: &[
            (Text::new("less than a third", "menos de um terço"), 33.0),
            (Text::new("about a half", "cerca da metade"), 70.0),
            (Text::new("nearly all of it", "quase todo"), ANY),
        ],
        because: Text::new(
            "That decides everything that follows: waits can be overlapped on one thread, computing needs more processors.",
            "Isso decide tudo o que vem depois: esperas se sobrepõem em uma thread, cálculo precisa de mais processadores.",
        ),
    },
    Asked {
        lesson: "stack-and-heap",
        claim: "moving-a-big-value-copies-it",
        ask: Text::new(
            "An array of 64 KiB is handed on by value, and then in a box. How much more does the array cost?",
            "Um vetor de 64 KiB é passado por valor, e depois em uma caixa. Quanto o vetor custa a mais?",
        ),
        choices: DEARER,
        because: Text::new(
            "Moving a value copies its bytes; moving a box copies a pointer of 8.",
            "Mover um valor copia os seus bytes; mover uma caixa copia um ponteiro de 8.",
        ),
    },
    Asked {
        lesson: "cache",
        claim: "cache-without-a-limit-leaks",
        ask: Text::new(
            "A cache without a limit is asked twice as many questions. How many times as many bytes does it hold?",
            "Um cache sem limite recebe o dobro de perguntas. Quantas vezes mais bytes ele guarda?",
        ),
        choices: &[
            (Text::new("about as many", "mais ou menos os mesmos"), 1.3),
            (Text::new("about twice as many", "cerca do dobro"), 2.6),
            (Text::new("far more", "muito mais"), ANY),
        ],
        because: Text::new(
            "A cache without a limit is a leak with a good name. A service that runs for weeks needs one that forgets.",
            "Um cache sem limite é um vazamento com um nome bonito. Um serviço que roda por semanas precisa de um que esqueça.",
        ),
    },
    Asked {
        lesson: "allocation",
        claim: "allocation-in-a-hot-loop-costs",
        ask: Text::new(
            "A loop makes a new buffer for each line instead of using one again. How much CPU time does it take?",
            "Um laço cria um buffer novo a cada linha em vez de reutilizar um só. Quanto tempo de CPU ele gasta?",
        ),
        choices: DEARER,
        because: Text::new(
            "Asking for memory and giving it back is work, and fresh memory is not in the cache yet.",
            "Pedir e devolver memória é trabalho, e memória nova ainda não está no cache.",
        ),
    },
    Asked {
        lesson: "false-sharing",
        claim: "false-sharing-costs",
        ask: Text::new(
            "Two threads each have a counter of their own, but both lie on one cache line. How much more does counting cost?",
            "Duas threads têm cada uma o seu contador, mas os dois estão na mesma linha de cache. Quanto a contagem custa a mais?",
        ),
        choices: DEARER,
        because: Text::new(
            "Processors share memory by lines of 64 bytes. The line wanders between the cores at each addition, though nobody shares a number.",
            "Os processadores compartilham memória em linhas de 64 bytes. A linha passeia entre os núcleos a cada soma, embora ninguém compartilhe um número.",
        ),
    },
    Asked {
        lesson: "mutex-or-atomic",
        claim: "contended-mutex-costs-more",
        ask: Text::new(
            "Two threads want one counter. How much does a mutex cost, compared with an atomic?",
            "Duas threads querem um contador. Quanto custa uma trava, comparada a um atômico?",
        ),
        choices: DEARER,
        because: Text::new(
            "An atomic addition is one instruction. A mutex is at least two, and who finds it taken may have to sleep.",
            "Uma soma atômica é uma instrução. Uma trava são pelo menos duas, e quem a encontra ocupada pode ter de dormir.",
        ),
    },
    Asked {
        lesson: "channels",
        claim: "channel-without-room-costs-more",
        ask: Text::new(
            "In a channel without room, sender and receiver must meet for each message. How much more does a message cost?",
            "Em um canal sem espaço, quem envia e quem recebe precisam se encontrar a cada mensagem. Quanto ela custa a mais?",
        ),
        choices: DEARER,
        because: Text::new(
            "Each meeting means that one of them sleeps and is woken. With room, they meet rarely.",
            "Cada encontro significa que um deles dorme e é acordado. Com espaço, eles se encontram raramente.",
        ),
    },
    Asked {
        lesson: "start-and-switch",
        claim: "thread-start-costs",
        ask: Text::new(
            "How much does starting a thread cost, compared with calling a function?",
            "Quanto custa iniciar uma thread, comparado a chamar uma função?",
        ),
        choices: &[
            (Text::new("up to 10 times as much", "até 10 vezes mais"), 10.0),
            (Text::new("10 to 100 times as much", "de 10 a 100 vezes mais"), 100.0),
            (Text::new("100 to 10,000 times as much", "de 100 a 10.000 vezes mais"), 10_000.0),
            (Text::new("more than 10,000 times as much", "mais de 10.000 vezes mais"), ANY),
        ],
        because: Text::new(
            "The system makes a stack and a place among those that want to run. A thread pays when it gets work for far longer than that.",
            "O sistema cria uma pilha e um lugar entre os que querem executar. Uma thread compensa quando recebe trabalho para muito mais tempo que isso.",
        ),
    },
    Asked {
        lesson: "tiny-work",
        claim: "tiny-work-loses",
        ask: Text::new(
            "Two threads add a thousand numbers, half each. What does that cost, compared with one thread?",
            "Duas threads somam mil números, metade cada. Quanto isso custa, comparado a uma thread?",
        ),
        choices: &[
            (Text::new("half as much", "a metade"), 0.8),
            (Text::new("about as much", "mais ou menos o mesmo"), 1.3),
            (Text::new("2 to 10 times as much", "de 2 a 10 vezes mais"), 10.0),
            (Text::new("more than 10 times as much", "mais de 10 vezes mais"), ANY),
        ],
        because: Text::new(
            "A thousand numbers are added within a microsecond, before a second thread has even begun. Small work is best left alone.",
            "Mil números são somados em menos de um microssegundo, antes que uma segunda thread sequer comece. Trabalho pequeno é melhor deixar em paz.",
        ),
    },
    Asked {
        lesson: "rate-limiter",
        claim: "bucket-with-a-lock-keeps-its-rate",
        ask: Text::new(
            "Many threads take from one bucket of tokens, which holds its lock from the look to the taking. How many tokens too many are given?",
            "Muitas threads tiram de um balde de fichas, que segura a trava do olhar até o tirar. Quantas fichas são dadas a mais?",
        ),
        choices: NONE_OR_SOME,
        because: Text::new(
            "Looking and taking must be one step, as with the bank: two who both see the last token would both take it.",
            "Olhar e tirar precisam ser um só passo, como no banco: dois que veem a última ficha a tirariam os dois.",
        ),
    },
    Asked {
        lesson: "images",
        claim: "images-same-pixels",
        ask: Text::new(
            "Pictures are resized by one worker, by threads, by rayon and by processes. How many come out different?",
            "Imagens são redimensionadas por um trabalhador, por threads, por rayon e por processos. Quantas saem diferentes?",
        ),
        choices: NONE_OR_SOME,
        because: Text::new(
            "How work is shared out must never be seen in its answer. Here each band of a picture sees its neighbours' rows, so no edge shows.",
            "Como o trabalho foi dividido nunca deve aparecer na resposta. Aqui cada faixa de uma imagem vê as linhas das vizinhas, e nenhuma emenda aparece.",
        ),
    },
    Asked {
        lesson: "data-loader",
        claim: "loader-hides-the-storage",
        ask: Text::new(
            "A model learns from batches on slow storage. How much faster does it learn with 4 workers that prepare batches ahead?",
            "Um modelo aprende com lotes guardados em um disco lento. Quanto mais rápido ele aprende com 4 trabalhadores que preparam lotes antes da hora?",
        ),
        choices: FASTER,
        because: Text::new(
            "While the model learns, the next batches are fetched, and their waits overlap. It helps as long as storage is what is slow.",
            "Enquanto o modelo aprende, os próximos lotes são buscados, e as esperas se sobrepõem. Ajuda enquanto o lento for o armazenamento.",
        ),
    },
    Asked {
        lesson: "scaling-laws",
        claim: "more-workers-can-get-less-done",
        ask: Text::new(
            "All workers must talk to all others. How much do 12 of them get done, compared with 6?",
            "Todos os trabalhadores precisam falar com todos os outros. Quanto 12 deles produzem, comparados a 6?",
        ),
        choices: &[
            (Text::new("less", "menos"), 0.95),
            (Text::new("about as much", "mais ou menos o mesmo"), 1.2),
            (Text::new("up to twice as much", "até o dobro"), ANY),
        ],
        because: Text::new(
            "Talk grows with the square of the workers. Past a peak, each one more costs more than it brings: the Universal Scalability Law says where.",
            "A conversa cresce com o quadrado dos trabalhadores. Depois de um pico, cada um a mais custa mais do que traz: a Lei Universal da Escalabilidade diz onde.",
        ),
    },
];
