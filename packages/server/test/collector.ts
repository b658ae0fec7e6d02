/**
 * A collector of traces: OTLP over HTTP in protobuf, as far as tests look at it
 * (opentelemetry/proto/trace/v1/trace.proto).
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll } from "vitest";

export interface CollectedSpan {
  /** The process's `service.name`. */
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly name: string;
  /** 2 for servers, 5 for consumers. */
  readonly kind: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** 2 for errors. */
  readonly status: number;
  readonly message: string;
}

export interface Collector {
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  readonly requests: number;
}

/** Starts one. @param answers whether it says that it has got what it has. */
export async function startCollector({ answers = true } = {}): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  let requests = 0;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    requests++;
    if (!answers) return;
    const isTraces = request.url === "/v1/traces" && request.headers["content-type"] === "application/x-protobuf";
    if (isTraces) spans.push(...spansIn(Buffer.concat(chunks)));
    response.writeHead(isTraces ? 200 : 404, { "content-type": "application/x-protobuf" }).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    get requests() {
      return requests;
    },
  };
}

/** The fields of a message by their numbers: bytes, or the eight bytes of a number. */
function fieldsOf(bytes: Buffer): (number: number) => Buffer[] {
  const fields: [number, Buffer][] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const type = tag & 7;
    let value = Buffer.alloc(8);
    if (type === 0) value.writeBigUInt64LE(BigInt.asUintN(64, varint()));
    else {
      const length = type === 1 ? 8 : type === 5 ? 4 : Number(varint());
      value = Buffer.from(bytes.subarray(at, at + length));
      at += length;
    }
    fields.push([tag >> 3, value]);
  }
  return (number) => fields.flatMap(([one, value]) => (one === number ? [value] : []));
}

function attributesOf(pairs: readonly Buffer[]): Record<string, string | number> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [[key], [value = Buffer.alloc(0)]] = [fieldsOf(pair)(1), fieldsOf(pair)(2)];
      const any = fieldsOf(value);
      const [[text], [whole], [double]] = [any(1), any(3), any(4)];
      return [
        String(key),
        text ? String(text) : whole ? Number(whole.readBigInt64LE()) : (double?.readDoubleLE() ?? 0),
      ];
    }),
  );
}

function spansIn(request: Buffer): CollectedSpan[] {
  return fieldsOf(request)(1).flatMap((resourceSpans) => {
    const [resource = Buffer.alloc(0)] = fieldsOf(resourceSpans)(1);
    const service = String(attributesOf(fieldsOf(resource)(1))["service.name"]);
    return fieldsOf(resourceSpans)(2).flatMap((scope) =>
      fieldsOf(scope)(2).map((span) => {
        const fields = fieldsOf(span);
        const hex = (number: number) => fields(number)[0]?.toString("hex") ?? "";
        const status = fieldsOf(fields(15)[0] ?? Buffer.alloc(0));
        return {
          service,
          traceId: hex(1),
          spanId: hex(2),
          parentId: hex(4),
          name: String(fields(5)[0]),
          kind: Number(fields(6)[0]?.readBigUInt64LE() ?? 0),
          attributes: attributesOf(fields(9)),
          status: Number(status(3)[0]?.readBigUInt64LE() ?? 0),
          message: String(status(2)[0] ?? ""),
        };
      }),
    );
  });
}
