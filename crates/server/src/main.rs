//! The executable; everything is in the library so that tests can reach it.

fn main() -> std::process::ExitCode {
    // ONNX Runtime's published builds carry telemetry that only this variable keeps from starting, and a variable
    // can be set safely only while the program has one thread.
    #[expect(unsafe_code, reason = "setting a variable is unsafe once other threads may read variables")]
    // SAFETY: this is the first statement of the program; there is no other thread.
    unsafe {
        std::env::set_var("ORT_DISABLE_TELEMETRY", "1");
    }
    likeness::cli::run()
}
