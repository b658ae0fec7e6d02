/**
 * A reader of Python pickles that evaluates nothing. A pickle is a program for a stack machine
 * (Python's Lib/pickletools.py describes every opcode); its danger is that GLOBAL may name any
 * function and REDUCE call it. Here a global must be on the caller's list, and what REDUCE calls is
 * a function of ours.
 *
 * Understood are the opcodes of protocols 2 to 5 that plain containers, numbers, strings and
 * tensors need. The machine has no recursion, every opcode makes at most one object, and their
 * number is limited, so that a pickle is read in bounded time and memory. What it makes may still
 * contain itself, or one thing many times over: walk it with care.
 */
import { AdaattnError } from "../error.ts";
import { show } from "../weights/stored.ts";

/** The most opcodes of one pickle. A tensor takes about 25. */
const MOST_OPCODES = 1_000_000;

/** The most bytes of a whole number. */
const LONGEST_NUMBER = 32;

/** Something that a pickle asks for by its name in Python, such as torch.FloatStorage. */
export class PickleGlobal {
  readonly path: string;
  readonly call: ((args: readonly unknown[]) => unknown) | undefined;

  /**
   * @param path module and name, joined by a dot.
   * @param call what stands in for calling it; without, it is a name only.
   */
  constructor(path: string, call?: (args: readonly unknown[]) => unknown) {
    this.path = path;
    this.call = call;
  }
}

/** What a pickle may ask for. */
export interface PickleRules {
  /** The global of this path where it is allowed, else undefined. */
  global(path: string): PickleGlobal | undefined;
  /**
   * The object that a persistent id, which lies outside the pickle, stands for. Throws one sentence
   * where there is none.
   */
  persistent(id: unknown): unknown;
}

/**
 * Reads the pickle that begins at `start`.
 *
 * @returns its value, and where the pickle ends. None is null, dicts are Maps, lists and tuples are
 *   arrays, bytes are views of the file, and whole numbers beyond 2^53 are bigints. What BUILD adds
 *   to a dict (PyTorch's `_metadata`) is left aside.
 * @throws Error with one sentence where the pickle is damaged, or asks for a global or an opcode
 *   that is not allowed.
 */
export function unpickle(bytes: Uint8Array, start: number, rules: PickleRules): { value: unknown; end: number } {
  return new Machine(bytes, start, rules).run();
}

class Machine {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly rules: PickleRules;
  private at: number;
  private stack: unknown[] = [];
  /** The stacks below each mark that is open. */
  private readonly below: unknown[][] = [];
  private readonly memo = new Map<number, unknown>();

  constructor(bytes: Uint8Array, start: number, rules: PickleRules) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.at = start;
    this.rules = rules;
  }

  run(): { value: unknown; end: number } {
    for (let count = 0; count < MOST_OPCODES; count++) {
      const opcode = this.byte();
      if (opcode === STOP) {
        const value = this.pop();
        if (this.stack.length + this.below.length > 0) throw this.damaged("its stack is not empty at the end");
        return { value, end: this.at };
      }
      this.step(opcode);
    }
    throw new AdaattnError("file", `Expected at most ${MOST_OPCODES} opcodes in the pickle but it goes on.`);
  }

  private step(opcode: number): void {
    const { stack } = this;
    switch (opcode) {
      case 0x80: // PROTO
        this.protocol(this.byte());
        return;
      case 0x95: // FRAME: how many bytes follow, for readers of streams
        this.length8();
        return;
      case 0x28: // MARK
        this.below.push(stack);
        this.stack = [];
        return;
      case 0x30: // POP
        this.pop();
        return;
      case 0x4e: // NONE
        stack.push(null);
        return;
      case 0x88: // NEWTRUE
        stack.push(true);
        return;
      case 0x89: // NEWFALSE
        stack.push(false);
        return;
      case 0x4a: // BININT
        stack.push(this.view.getInt32(this.take(4), true));
        return;
      case 0x4b: // BININT1
        stack.push(this.byte());
        return;
      case 0x4d: // BININT2
        stack.push(this.view.getUint16(this.take(2), true));
        return;
      case 0x8a: // LONG1
        stack.push(this.long(this.byte()));
        return;
      case 0x47: // BINFLOAT
        stack.push(this.view.getFloat64(this.take(8), false));
        return;
      case 0x58: // BINUNICODE
        stack.push(this.text(this.length4()));
        return;
      case 0x8c: // SHORT_BINUNICODE
        stack.push(this.text(this.byte()));
        return;
      case 0x8d: // BINUNICODE8
        stack.push(this.text(this.length8()));
        return;
      case 0x54: // BINSTRING, a str of Python 2
        stack.push(this.text(this.length4()));
        return;
      case 0x55: // SHORT_BINSTRING
        stack.push(this.text(this.byte()));
        return;
      case 0x42: // BINBYTES
        stack.push(this.raw(this.length4()));
        return;
      case 0x43: // SHORT_BINBYTES
        stack.push(this.raw(this.byte()));
        return;
      case 0x8e: // BINBYTES8
        stack.push(this.raw(this.length8()));
        return;
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        stack.push([]);
        return;
      case 0x7d: // EMPTY_DICT
        stack.push(new Map());
        return;
      case 0x85: // TUPLE1
        this.tuple(1);
        return;
      case 0x86: // TUPLE2
        this.tuple(2);
        return;
      case 0x87: // TUPLE3
        this.tuple(3);
        return;
      case 0x74: // TUPLE
      case 0x6c: {
        // LIST
        const items = this.marked();
        this.stack.push(items);
        return;
      }
      case 0x64: {
        // DICT
        const items = this.marked();
        const dict = new Map<unknown, unknown>();
        this.set(dict, items);
        this.stack.push(dict);
        return;
      }
      case 0x61: {
        // APPEND
        const item = this.pop();
        this.list().push(item);
        return;
      }
      case 0x65: {
        // APPENDS
        const items = this.marked();
        const list = this.list();
        for (const item of items) list.push(item);
        return;
      }
      case 0x73: {
        // SETITEM
        const value = this.pop();
        const key = this.pop();
        this.dict().set(key, value);
        return;
      }
      case 0x75: {
        // SETITEMS
        const items = this.marked();
        this.set(this.dict(), items);
        return;
      }
      case 0x71: // BINPUT
        this.memo.set(this.byte(), this.top());
        return;
      case 0x72: // LONG_BINPUT
        this.memo.set(this.length4(), this.top());
        return;
      case 0x94: // MEMOIZE
        this.memo.set(this.memo.size, this.top());
        return;
      case 0x68: // BINGET
        this.recall(this.byte());
        return;
      case 0x6a: // LONG_BINGET
        this.recall(this.length4());
        return;
      case 0x63: {
        // GLOBAL
        const module = this.line();
        this.global(module, this.line());
        return;
      }
      case 0x93: {
        // STACK_GLOBAL
        const name = this.pop();
        this.global(this.pop(), name);
        return;
      }
      case 0x52: // REDUCE
        this.reduce();
        return;
      case 0x62: // BUILD
        this.build();
        return;
      case 0x51: // BINPERSID
        stack.push(this.rules.persistent(this.pop()));
        return;
      default:
        throw new AdaattnError(
          "file",
          `Expected a pickle of tensors but its byte ${this.at - 1} is the opcode 0x${opcode.toString(16).padStart(2, "0")}, which tensors do not need; it is refused. ${SAVE_WEIGHTS}`,
        );
    }
  }

  private protocol(version: number): void {
    if (version > 5)
      throw new AdaattnError(
        "file",
        `Expected a pickle of protocol 5 at most but received ${version}. ${SAVE_WEIGHTS}`,
      );
  }

  /** Moves past `length` bytes and returns where they begin. */
  private take(length: number): number {
    const from = this.at;
    if (length > this.bytes.length - from) {
      throw new AdaattnError("file", "Expected the pickle whole but it is cut off; the file is truncated or damaged.");
    }
    this.at = from + length;
    return from;
  }

  private byte(): number {
    return this.view.getUint8(this.take(1));
  }

  private length4(): number {
    return this.view.getUint32(this.take(4), true);
  }

  private length8(): number {
    return Number(this.view.getBigUint64(this.take(8), true));
  }

  private raw(length: number): Uint8Array {
    const from = this.take(length);
    return this.bytes.subarray(from, from + length);
  }

  private text(length: number): string {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.raw(length));
    } catch (error) {
      if (error instanceof TypeError) throw this.damaged("a string of it is not UTF-8");
      throw error;
    }
  }

  /** A line of ASCII, as GLOBAL has it. */
  private line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0 || end - this.at > 256) throw this.damaged("the name of a global does not end");
    const text = this.text(end - this.at);
    this.at = end + 1;
    return text;
  }

  /** A whole number in two's complement. */
  private long(length: number): number | bigint {
    if (length > LONGEST_NUMBER) throw this.damaged(`a whole number of it has ${length} bytes`);
    const from = this.take(length);
    let value = 0n;
    for (let at = length - 1; at >= 0; at--) value = (value << 8n) | BigInt(this.view.getUint8(from + at));
    value = BigInt.asIntN(8 * length, value);
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }

  private pop(): unknown {
    if (this.stack.length === 0) throw this.damaged("its stack runs empty");
    return this.stack.pop();
  }

  private top(): unknown {
    if (this.stack.length === 0) throw this.damaged("its stack runs empty");
    return this.stack.at(-1);
  }

  /** Everything since the last mark, which is closed. */
  private marked(): unknown[] {
    const items = this.stack;
    const before = this.below.pop();
    if (before === undefined) throw this.damaged("a mark is missing");
    this.stack = before;
    return items;
  }

  private tuple(length: number): void {
    if (this.stack.length < length) throw this.damaged("its stack runs empty");
    this.stack.push(this.stack.splice(this.stack.length - length));
  }

  private list(): unknown[] {
    const list = this.top();
    if (!Array.isArray(list)) throw this.damaged("it appends to what is no list");
    return list;
  }

  private dict(): Map<unknown, unknown> {
    const dict = this.top();
    if (!(dict instanceof Map)) throw this.damaged("it sets items of what is no dict");
    return dict;
  }

  private set(dict: Map<unknown, unknown>, items: readonly unknown[]): void {
    if (items.length % 2 > 0) throw this.damaged("a key has no value");
    for (let at = 0; at < items.length; at += 2) dict.set(items[at], items[at + 1]);
  }

  private recall(index: number): void {
    if (!this.memo.has(index)) throw this.damaged(`it recalls ${index}, which it has not kept`);
    this.stack.push(this.memo.get(index));
  }

  private global(module: unknown, name: unknown): void {
    if (typeof module !== "string" || typeof name !== "string") throw this.damaged("a global has no name");
    const path = `${module}.${name}`;
    const found = this.rules.global(path);
    if (found === undefined) {
      throw new AdaattnError(
        "file",
        `Expected only tensors and plain containers in the pickle but it asks for ${show(path)}; nothing of it was run. ${SAVE_WEIGHTS}`,
      );
    }
    this.stack.push(found);
  }

  private reduce(): void {
    const args = this.pop();
    const global = this.pop();
    if (!(global instanceof PickleGlobal) || global.call === undefined || !Array.isArray(args)) {
      throw this.damaged("it calls what is no function");
    }
    this.stack.push(global.call(args));
  }

  /** Attributes that are set on an object; only those of dicts occur, and nobody asks for them. */
  private build(): void {
    this.pop();
    this.dict();
  }

  private damaged(reason: string): Error {
    return new AdaattnError("file", `Expected a sound pickle but ${reason} at byte ${this.at}; the file is damaged.`);
  }
}

const STOP = 0x2e;

const SAVE_WEIGHTS = "Save only the weights: torch.save(model.state_dict(), FILE).";
