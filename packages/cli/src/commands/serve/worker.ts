/** `adaattn worker` on the command line: its options and help, and what it prints. */

import type { StepEnd } from "@adaattn/server";
import type { Command } from "commander";
import { heedEnvironment } from "../../terminal/environment.ts";
import type { Interruption } from "../../terminal/interrupt.ts";
import { wholeNumber } from "../../terminal/usage.ts";
import { addPaintingOptions, type PaintingFlags, paintingFlags } from "./command.ts";

const EXAMPLES = `
Examples:
  $ adaattn worker --redis redis://queue:6379 --store /mnt/shared/adaattn
  $ adaattn worker --redis redis://queue:6379 --store s3://pictures/adaattn --workers 4 --threads 2
  $ adaattn worker --redis redis://queue:6379 --store /mnt/shared/adaattn --health-port 9464
      http://127.0.0.1:9464/livez and /readyz say how it is, /metrics what it did

Start any number, on any machines that reach the queue and the store. Ctrl-C ends it after the parts at hand; what a killed worker
had begun is done by others. Variables such as ADAATTN_REDIS set what is not typed, several values with commas. Traces go where
OTEL_EXPORTER_OTLP_ENDPOINT says.`;

interface WorkerFlags extends PaintingFlags {
  redis: string;
  store: string;
  healthPort?: string;
  healthHost: string;
  quiet?: boolean;
}

/** Adds the command to the program. */
export function addWorkerCommand(program: Command, interruption: Interruption): void {
  const command = program
    .command("worker")
    .summary("do jobs of adaattn serve --redis")
    .description("Paints parts of the jobs that a server with --redis takes in.")
    .requiredOption("--redis <URL>", "the server's Redis or Valkey")
    .requiredOption("--store <PLACE>", "where the server's files are: the same folder, shared, or s3://BUCKET/PREFIX");
  addPaintingOptions(command)
    .option("--health-port <N>", "answer /livez, /readyz and /metrics at this port; 0 takes any that is free")
    .option("--health-host <ADDRESS>", "where to listen for these", "127.0.0.1")
    .option("-q, --quiet", "print nothing but errors");
  heedEnvironment(command)
    .addHelpText("after", EXAMPLES)
    .action(async (flags: WorkerFlags) => {
      const { redis, store, data, healthPort, healthHost: host, quiet = false } = flags;
      const painters = paintingFlags(flags);
      const health =
        healthPort === undefined ? undefined : { host, port: wholeNumber("--health-port", healthPort, 0, 65535) };
      const { jsonLog, startWorker } = await import("@adaattn/server");
      const { interrupted } = await import("./serve.ts");
      const onStep = ({ job, step, milliseconds, error }: StepEnd) => {
        const end = error === undefined ? "done" : `failed: ${error}`;
        if (!quiet || error !== undefined)
          process.stderr.write(`${job}  ${step}  ${(milliseconds / 1000).toFixed(1)} s  ${end}\n`);
      };
      const worker = await startWorker({
        redis,
        store,
        data,
        painters,
        onStep,
        health,
        log: jsonLog(process.stderr),
      });
      interruption.wait("Stopped; ending after the parts at hand. Ctrl-C once more ends at once.");
      process.stdout.write(`adaattn works, ${worker.width} part${worker.width > 1 ? "s" : ""} at a time.\n`);
      if (worker.healthUrl !== undefined) process.stdout.write(`${worker.healthUrl}/readyz says how it is.\n`);
      await interrupted(interruption);
      await worker.close();
    });
}
