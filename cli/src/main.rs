//! `gantry`: arguments to commands to an exit code.
#![expect(clippy::print_stderr, reason = "an error is the last thing that is said")]

mod args;
mod commands;
mod context;
mod exit_code;
mod help;
mod output;
mod progress;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use context::Context;
use exit_code::{CliError, Exit};
use output::Output;

/// Threads that run requests and stages; disk and compression have their own.
const WORKERS: usize = 2;

fn main() -> ExitCode {
    runs::process::bound_allocator();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout and are no error.
            let printed = error.print();
            let exit = match (error.use_stderr(), printed) {
                (true, _) => Exit::Usage,
                (false, Ok(())) => Exit::Success,
                (false, Err(_unwritten)) => Exit::Internal,
            };
            return exit.into();
        }
    };
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("gantry: {}", failure.message);
            if let Some(hint) = &failure.hint {
                eprintln!("        {hint}");
            }
            failure.exit.into()
        }
    }
}

fn run(cli: Cli) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| CliError::internal(format!("failed to start: {error}")))?;
    let exit = runtime.block_on(dispatch(cli));
    // What was dropped half-way is not waited for: the journal knows what is done.
    runtime.shutdown_background();
    exit
}

async fn dispatch(cli: Cli) -> Result<Exit, CliError> {
    let context = Context {
        state_dir: cli.state_dir,
        output: Output {
            json: cli.json,
            quiet: cli.quiet,
            verbose: cli.verbose,
        },
    };
    match &cli.command {
        Command::Download(args) => commands::download::execute(&context, args).await,
        Command::Copy(args) => commands::copy::execute(&context, args).await,
        Command::Runs => commands::runs::execute(&context).await,
        Command::Show(args) => commands::show::execute(&context, args).await,
        Command::Failures(args) => commands::failures::execute(&context, args).await,
        Command::Resume(args) => commands::resume::execute(&context, args).await,
        Command::Redrive(args) => commands::redrive::execute(&context, args).await,
        Command::Prune(args) => commands::prune::execute(&context, args).await,
        Command::Explain(args) => commands::explain::execute(&context, args).await,
        Command::Demo(args) => commands::demo::execute(&context, args).await,
        Command::Validate(args) => Ok(commands::validate::execute(context.output, args)?),
    }
}
