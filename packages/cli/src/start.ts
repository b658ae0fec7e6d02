/**
 * Where the command `adaattn` starts. On Linux it begins once more with its memory in huge pages,
 * which only a process's first environment can ask for and which makes large pictures up to three
 * times as fast; Node can do that without a second process from 22.15 on. Where it cannot, the engine
 * keeps its buffers instead.
 */
import { hasHugePages, withHugePages } from "adaattn/internal/hugePages";

interface WithExecve {
  readonly execve?: (file: string, args: readonly string[], environment: NodeJS.ProcessEnv) => never;
}

const environment = withHugePages(process.env);
if (!hasHugePages() && hasHugePages(environment)) {
  const typed = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  try {
    (process as WithExecve).execve?.(process.execPath, typed, environment);
  } catch {
    // Not everybody may start programs; it goes on as it is.
  }
}
await import("./main.ts");
