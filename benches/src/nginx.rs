//! An nginx on loopback that gives the same small file under every path.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

/// A running nginx; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Nginx {
    child: Child,
    pub(crate) url: String,
}

impl Nginx {
    /// Starts it with its files below `dir`.
    pub(crate) fn start(dir: &Path, bytes: usize) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let root = dir.join("www");
        std::fs::create_dir_all(&root)?;
        std::fs::write(root.join("body"), demo::image::noise(1, bytes))?;
        let config = dir.join("nginx.conf");
        std::fs::write(&config, configuration(dir, &root, port))?;
        let child = Command::new("nginx")
            .arg("-c")
            .arg(&config)
            .arg("-e")
            .arg(dir.join("error.log"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("failed to start nginx: install it (Debian: nginx-light)")?;
        let mut nginx = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
        };
        nginx.wait(port)?;
        Ok(nginx)
    }

    fn wait(&mut self, port: u16) -> anyhow::Result<()> {
        for _ in 0..500 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("nginx ended with {status}");
            }
            #[expect(clippy::disallowed_methods, reason = "another process is waited for")]
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("nginx does not answer")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its workers when it is asked to; killing it would leave them behind.
        let pid = i32::try_from(self.child.id()).unwrap_or_default();
        let asked = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM);
        if asked.is_err() || self.child.wait().is_err() {
            eprintln!("nginx (process {pid}) could not be ended");
        }
    }
}

fn configuration(dir: &Path, root: &Path, port: u16) -> String {
    format!(
        "daemon off; worker_processes 1; worker_rlimit_nofile 8192; pid {pid}/nginx.pid;
         events {{ worker_connections 4096; }}
         http {{
           access_log off; sendfile on; tcp_nopush on; keepalive_requests 10000000;
           client_body_temp_path {pid}/t1; proxy_temp_path {pid}/t2; fastcgi_temp_path {pid}/t3;
           uwsgi_temp_path {pid}/t4; scgi_temp_path {pid}/t5;
           open_file_cache max=10; default_type image/gif;
           server {{ listen 127.0.0.1:{port}; root {root}; location / {{ rewrite ^ /body break; }} }}
         }}",
        pid = dir.display(),
        root = root.display(),
    )
}
