import { spawn } from "node:child_process";

/**
 * Does something while nobody else does it, on this machine and under this name. The lock is the kernel's: it is gone as soon as
 * this process is, however that ends.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  // `cat` keeps the lock until its input ends, and that is when we release it or die.
  const holder = spawn("flock", ["--no-fork", path, "/bin/sh", "-c", "echo locked; exec cat"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await new Promise<void>((resolve, reject) => {
    holder.stdout.once("data", () => resolve());
    holder.once("error", reject);
    holder.once("exit", (code) => reject(new Error(`flock ${path} ended with code ${code}`)));
  });
  try {
    return await work();
  } finally {
    holder.stdin.end();
  }
}
