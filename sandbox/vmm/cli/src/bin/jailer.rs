//! The stand-in's jailer: the real one's command line, checks and failures. See `standin_cli::jail`.

fn main() {
    std::process::exit(standin_cli::jail::main())
}
