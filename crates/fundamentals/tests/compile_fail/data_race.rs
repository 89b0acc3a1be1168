//! Two threads that write to one variable: the data race of the lesson `counter`. The compiler refuses it.

fn main() {
    let mut counter = 0_u64;
    std::thread::scope(|scope| {
        scope.spawn(|| counter += 1);
        scope.spawn(|| counter += 1);
    });
    println!("{counter}");
}
