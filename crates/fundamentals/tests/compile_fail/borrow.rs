//! A thread that may outlive what it borrows: why the lesson `scoped` has a scope.

fn main() {
    let orders = vec!["bread", "rice"];
    let thread = std::thread::spawn(|| orders.len());
    println!("{:?}", thread.join());
}
