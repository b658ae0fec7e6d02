/**
 * The page's side of the worker. The engine and the model load when something is first painted; a
 * worker whose GPU was lost, or that died, is replaced by a new one, which gets the same pictures,
 * and what was asked of it is asked once more.
 */

import { type Signal, signal } from "@preact/signals";
import type { Device, Picture } from "adaattn";
import type { Failure, FromWorker, Kind, Opened, Report, Requests, ToWorker } from "./protocol.ts";

/** What the engine is doing, for the page to show. */
export type EngineStatus =
  | { readonly state: "idle" }
  | { readonly state: "loading"; readonly report: Report | undefined }
  /** With a report while a model is loaded. */
  | ({ readonly state: "ready"; readonly report?: Report | undefined } & Opened)
  | { readonly state: "failed"; readonly error: unknown };

export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called while it is worked on. */
  readonly onReport?: ((report: Report) => void) | undefined;
}

/** What failed in the worker. */
export class EngineFailure extends Error {
  override readonly name: string = "EngineFailure";
  readonly code: Failure["code"];

  constructor({ code, sentence }: Failure) {
    super(sentence);
    this.code = code;
  }
}

/** A worker that ended under its calls; they may be asked again of another. */
class WorkerLost extends EngineFailure {
  override readonly name = "WorkerLost";
}

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly onReport: AskOptions["onReport"];
}

/** One worker and what it was asked. */
class Connection {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onLost: (failure: EngineFailure) => void;
  /** Keys of the pictures that it has. */
  readonly kept = new Set<string>();
  #count = 0;
  #lost: WorkerLost | undefined;

  constructor(onLost: (failure: EngineFailure) => void) {
    this.#onLost = onLost;
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "painter" });
    this.#worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => this.#receive(data));
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.end({ code: "workerEnded", sentence: event.message || "The engine's worker ended." });
    });
  }

  #receive(message: FromWorker): void {
    if ("lost" in message) {
      this.end(message.lost);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return;
    if ("report" in message) {
      waiting.onReport?.(message.report);
      return;
    }
    this.#waiting.delete(message.id);
    if ("answer" in message) waiting.resolve(message.answer);
    else if (message.isAborted) waiting.reject(new DOMException(message.failure.sentence, "AbortError"));
    else waiting.reject(new EngineFailure(message.failure));
  }

  ask<K extends Kind>(
    kind: K,
    ask: Requests[K]["ask"],
    { signal, onReport }: AskOptions = {},
  ): Promise<Requests[K]["answer"]> {
    if (this.#lost) return Promise.reject(this.#lost);
    if (signal?.aborted) return Promise.reject(signal.reason);
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      const cancel = () => {
        this.#worker.postMessage({ cancel: id } satisfies ToWorker);
        this.#waiting.delete(id);
        reject(signal?.reason);
      };
      const settle = <T extends unknown[]>(then: (...values: T) => void) => {
        return (...values: T) => {
          signal?.removeEventListener("abort", cancel);
          then(...values);
        };
      };
      const waiting = { resolve: settle(resolve as (answer: unknown) => void), reject: settle(reject), onReport };
      this.#waiting.set(id, waiting);
      signal?.addEventListener("abort", cancel, { once: true });
      this.#worker.postMessage({ id, kind, ask } satisfies ToWorker);
    });
  }

  /** Ends the worker; what still waits is told why. */
  end(failure: Failure): void {
    if (this.#lost) return;
    this.#lost = new WorkerLost(failure);
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(this.#lost);
    this.#waiting.clear();
    this.#onLost(this.#lost);
  }
}

/** Everything that the page asks of the engine. */
export class Engine {
  readonly status: Signal<EngineStatus> = signal({ state: "idle" });
  readonly #device: "auto" | Device;
  readonly #onLost: (failure: EngineFailure) => void;
  readonly #pictures = new Map<string, Picture>();
  #connection: Promise<Connection> | undefined;

  /** @param onLost is told why an engine was lost; the next is made when something is asked for. */
  constructor(device: "auto" | Device, onLost: (failure: EngineFailure) => void) {
    this.#device = device;
    this.#onLost = onLost;
  }

  /** Gives a picture a name under which requests mean it. */
  keep(key: string, picture: Picture): void {
    this.#pictures.set(key, picture);
    // A picture of the same name is another one now.
    this.#connection?.then(({ kept }) => kept.delete(key)).catch(() => undefined);
  }

  /** Lets go of a picture: here, and in the worker with what was made of it. */
  forget(key: string): void {
    this.#pictures.delete(key);
    this.#connection
      ?.then((connection) => (connection.kept.delete(key) ? connection.ask("forget", { key }) : undefined))
      .catch(() => undefined);
  }

  /** Loads the engine, unless it is loaded. */
  async load(): Promise<void> {
    await this.#connect();
  }

  #connect(): Promise<Connection> {
    this.#connection ??= this.#open();
    return this.#connection;
  }

  async #open(): Promise<Connection> {
    this.status.value = { state: "loading", report: undefined };
    const connection: Connection = new Connection((failure) => {
      this.#connection = undefined;
      if (this.status.peek().state === "ready") this.status.value = { state: "idle" };
      this.#onLost(failure);
    });
    try {
      const ask = { device: this.#device, base: new URL(".", document.baseURI).href };
      const opened = await connection.ask("open", ask, { onReport: (report) => this.#show(report) });
      this.status.value = { state: "ready", ...opened };
      return connection;
    } catch (error) {
      this.#connection = undefined;
      this.status.value = { state: "failed", error };
      throw error;
    }
  }

  #show(report: Report | undefined): void {
    const now = this.status.peek();
    if (now.state === "loading") this.status.value = { state: "loading", report };
    else if (now.state === "ready" && now.report !== report) this.status.value = { ...now, report };
  }

  /** Asks the worker; `keys` are the pictures that the request names. */
  async ask<K extends Kind>(
    kind: K,
    ask: Requests[K]["ask"],
    keys: readonly string[],
    options: AskOptions = {},
  ): Promise<Requests[K]["answer"]> {
    for (let attempt = 1; ; attempt++) {
      try {
        const connection = await this.#connect();
        for (const key of keys) await this.#give(connection, key);
        const onReport = (report: Report) => {
          this.#show(report.stage === "paint" ? undefined : report);
          options.onReport?.(report);
        };
        return await connection.ask(kind, ask, { ...options, onReport }).finally(() => this.#show(undefined));
      } catch (error) {
        options.signal?.throwIfAborted();
        if (!(error instanceof WorkerLost) || attempt > 1) throw error;
      }
    }
  }

  async #give(connection: Connection, key: string): Promise<void> {
    if (connection.kept.has(key)) return;
    const picture = this.#pictures.get(key);
    if (picture === undefined) throw new Error(`Expected a picture called ${key} but there is none.`);
    connection.kept.add(key);
    await connection.ask("keep", { key, picture });
  }
}
