/**
 * Reads the checkpoints of PyTorch: a pickle of dicts and tensors, whose values lie beside it in
 * storages.
 *
 *   zip (since 1.6):  NAME/data.pkl, NAME/data/KEY for each storage, NAME/version, NAME/byteorder
 *   before:           five pickles (magic number, protocol version, system, the object, keys of the storages), then for every
 *                     key the number of values and the values
 *
 * Source: torch/serialization.py (`_save`, `_legacy_load`) and torch/_utils.py
 * (`_rebuild_tensor_v2`). The pickle is read by {@link unpickle}, so that nothing in it is ever
 * called; a tensor is a view of a storage, checked before anything is read.
 */

import { AdaattnError } from "../error.ts";
import {
  checkView,
  decodeView,
  isCount,
  STORED_BYTES,
  type StoredType,
  show,
  type TensorEntry,
  type View,
} from "../weights/stored.ts";
import { PickleGlobal, type PickleRules, unpickle } from "./pickle.ts";
import type { ZipEntry } from "./zip.ts";

/** The storage classes of PyTorch. */
const STORAGES: Readonly<Record<string, StoredType>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

/** The first pickle of a file from before 1.6 holds this number. */
const MAGIC = 0x1950a86a20f9469cfc6cn;

/** The largest data.pkl: 64 MiB, a thousand times that of a network of thousand tensors. */
const LARGEST_PICKLE = 2 ** 26;

/** The longest name of a tensor, in characters. */
const LONGEST_NAME = 1000;

/** How deep dicts may lie in dicts. */
const DEEPEST = 32;

/** Values that tensors are views of. */
interface Storage {
  readonly key: string;
  readonly dtype: StoredType;
  /** How many values the file has under that key. */
  readonly count: number;
}

/**
 * A part of a storage: all of it, except in files of old that share one storage between several.
 */
interface StoragePart {
  readonly storage: Storage;
  readonly first: number;
  readonly count: number;
}

/** A tensor as the pickle describes it. */
class PickledTensor {
  readonly part: StoragePart;
  readonly view: View;

  constructor(part: StoragePart, view: View) {
    this.part = part;
    this.view = view;
  }
}

/** Whether these bytes begin as a checkpoint from before PyTorch 1.6. */
export function isLegacyTorch(bytes: Uint8Array): boolean {
  // PROTO, LONG1, 10 bytes, the magic number's first byte
  return bytes[0] === 0x80 && bytes[2] === 0x8a && bytes[3] === 10 && bytes[4] === 0x6c;
}

/**
 * The tensors of a checkpoint in a ZIP archive. Those in nested dicts and lists are named by their
 * path, such as "state_dict.conv.weight".
 *
 * @throws Error with one sentence where the pickle is refused, or a tensor or a storage is missing,
 *   damaged or of unknown kind.
 */
export async function readTorchZip(entries: ReadonlyMap<string, ZipEntry>): Promise<Map<string, TensorEntry>> {
  const pickle = [...entries.values()].find(({ name }) => name === "data.pkl" || name.endsWith("/data.pkl"));
  if (pickle === undefined)
    throw new AdaattnError("file", "Expected data.pkl in the checkpoint's archive but found none.");
  const folder = pickle.name.slice(0, -"data.pkl".length);
  const order = await entries.get(`${folder}byteorder`)?.read(16);
  if (order !== undefined && new TextDecoder().decode(order).trim() !== "little") {
    throw new AdaattnError(
      "file",
      "Expected a little-endian checkpoint but this one is big-endian. Save it again on a common machine.",
    );
  }
  if (pickle.size > LARGEST_PICKLE) {
    throw new AdaattnError("file", `Expected a pickle of at most ${LARGEST_PICKLE} bytes but received ${pickle.size}.`);
  }
  const storages = new Map<string, Storage>();
  const { value } = unpickle(await pickle.read(), 0, rules(storages));
  for (const { key, dtype, count } of storages.values()) {
    const entry = entries.get(`${folder}data/${key}`);
    if (entry === undefined)
      throw new AdaattnError("file", `Expected the storage ${show(key)} in the archive but it is missing.`);
    if (entry.size !== count * STORED_BYTES[dtype]) {
      throw new AdaattnError(
        "file",
        `Expected ${count} values of ${dtype} in the storage ${show(key)} but it has ${entry.size} bytes; the file is damaged.`,
      );
    }
  }
  // Tensors that share a storage are read one after another: it is inflated and checked once.
  let last: { key: string; content: Promise<Uint8Array> } | undefined;
  return tensorsOf(value, ({ key }) => {
    if (last?.key !== key) last = { key, content: (entries.get(`${folder}data/${key}`) as ZipEntry).read() };
    return last.content;
  });
}

/**
 * The tensors of a checkpoint from before PyTorch 1.6; see {@link readTorchZip}.
 *
 * @throws Error with one sentence, as there.
 */
export function readLegacyTorch(bytes: Uint8Array): Map<string, TensorEntry> {
  const nothing = rules(new Map(), "nothing but numbers");
  const magic = unpickle(bytes, 0, nothing);
  if (magic.value !== MAGIC)
    throw new AdaattnError("file", `Expected PyTorch's magic number but received ${show(magic.value)}.`);
  const protocol = unpickle(bytes, magic.end, nothing);
  if (protocol.value !== 1001) {
    throw new AdaattnError(
      "file",
      `Expected protocol 1001 of PyTorch's older format but received ${show(protocol.value)}.`,
    );
  }
  const system = unpickle(bytes, protocol.end, nothing);
  if (system.value instanceof Map && system.value.get("little_endian") === false) {
    throw new AdaattnError(
      "file",
      "Expected a little-endian checkpoint but this one is big-endian. Save it again on a common machine.",
    );
  }
  const storages = new Map<string, Storage>();
  const object = unpickle(bytes, system.end, rules(storages));
  const keys = unpickle(bytes, object.end, nothing);
  const places = placeStorages(bytes, keys, storages);
  return tensorsOf(object.value, async ({ key }) => places.get(key) ?? new Uint8Array());
}

/** Where the storages lie, one after another from the end of the pickles to the end of the file. */
function placeStorages(
  bytes: Uint8Array,
  keys: { value: unknown; end: number },
  storages: ReadonlyMap<string, Storage>,
): Map<string, Uint8Array> {
  if (!Array.isArray(keys.value))
    throw new AdaattnError("file", "Expected a list of storages in the checkpoint but found none.");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const places = new Map<string, Uint8Array>();
  let at = keys.end;
  for (const key of keys.value) {
    const storage = storages.get(key);
    if (storage === undefined || places.has(key)) {
      throw new AdaattnError(
        "file",
        `Expected every storage of the checkpoint once but ${show(key)} is repeated or belongs to no tensor.`,
      );
    }
    const size = storage.count * STORED_BYTES[storage.dtype];
    if (at + 8 + size > bytes.length) {
      throw new AdaattnError(
        "file",
        `Expected ${size} bytes for the storage ${show(key)} but the file ends before; it is truncated or damaged.`,
      );
    }
    const count = view.getBigInt64(at, true);
    if (count !== BigInt(storage.count)) {
      throw new AdaattnError(
        "file",
        `Expected ${storage.count} values in the storage ${show(key)} but it announces ${count}.`,
      );
    }
    places.set(key, bytes.subarray(at + 8, at + 8 + size));
    at += 8 + size;
  }
  for (const key of storages.keys()) {
    if (!places.has(key))
      throw new AdaattnError("file", `Expected the storage ${show(key)} in the checkpoint but it is missing.`);
  }
  if (at < bytes.length)
    throw new AdaattnError(
      "file",
      `Expected the file to end with its last storage but ${bytes.length - at} bytes follow.`,
    );
  return places;
}

/** What the pickle of a checkpoint may ask for. Storages that it names are put into `storages`. */
function rules(storages: Map<string, Storage>, only?: string): PickleRules {
  return {
    global: (path) => {
      if (only !== undefined) return undefined;
      const [, storage] = /^torch(?:\.cuda)?\.(\w+Storage)$/.exec(path) ?? [];
      if (storage !== undefined && Object.hasOwn(STORAGES, storage)) return new PickleGlobal(storage);
      return GLOBALS.get(path);
    },
    persistent: (id) => {
      if (only !== undefined)
        throw new AdaattnError("file", `Expected ${only} in the head of the checkpoint but found a storage.`);
      return storagePart(id, storages);
    },
  };
}

/** The functions and classes that make up a state dict, by what stands in for them. */
const GLOBALS: ReadonlyMap<string, PickleGlobal> = new Map(
  (
    [
      ["collections.OrderedDict", orderedDict],
      ["torch._utils._rebuild_tensor", ([part, offset, shape, strides]) => tensor(part, offset, shape, strides)],
      ["torch._utils._rebuild_tensor_v2", ([part, offset, shape, strides]) => tensor(part, offset, shape, strides)],
      ["torch._utils._rebuild_parameter", ([data]) => data],
      ["torch.Size", ([sizes]) => sizes],
    ] satisfies [string, (args: readonly unknown[]) => unknown][]
  ).map(([path, call]) => [path, new PickleGlobal(path, call)]),
);

/** OrderedDict() or OrderedDict([(key, value), ...]). */
function orderedDict([items = []]: readonly unknown[]): Map<unknown, unknown> {
  if (!Array.isArray(items) || !items.every((item) => Array.isArray(item) && item.length === 2)) {
    throw new AdaattnError(
      "file",
      `Expected pairs for an OrderedDict but received ${show(typeof items)}; the file is damaged.`,
    );
  }
  return new Map(items);
}

function tensor(part: unknown, offset: unknown, shape: unknown, strides: unknown): PickledTensor {
  if (!isStoragePart(part) || !isCount(offset) || !Array.isArray(shape) || !Array.isArray(strides)) {
    throw new AdaattnError(
      "file",
      "Expected a storage, an offset, a shape and strides for a tensor of the pickle but received others; the file is damaged.",
    );
  }
  return new PickledTensor(part, { offset, shape, strides });
}

function isStoragePart(value: unknown): value is StoragePart {
  return typeof value === "object" && value !== null && "storage" in value && "first" in value;
}

/**
 * ("storage", class, key, device, count), in older files followed by None or (key, first, count) of
 * a part of that storage.
 */
function storagePart(id: unknown, storages: Map<string, Storage>): StoragePart {
  const [kind, type, key, , count, part] = Array.isArray(id) ? id : [];
  if (kind !== "storage" || !(type instanceof PickleGlobal) || typeof key !== "string" || !isCount(count)) {
    throw new AdaattnError(
      "file",
      "Expected the class, key and size of a storage in the pickle but received others; the file is damaged.",
    );
  }
  const dtype = STORAGES[type.path];
  if (dtype === undefined)
    throw new AdaattnError("file", `Expected a class of storages but the pickle gives ${show(type.path)}.`);
  const known = storages.get(key) ?? { key, dtype, count };
  if (known.dtype !== dtype || known.count !== count) {
    throw new AdaattnError(
      "file",
      `Expected one type and size for the storage ${show(key)} but the pickle gives it two.`,
    );
  }
  storages.set(key, known);
  if (part === undefined || part === null) return { storage: known, first: 0, count };
  const [, first, length] = Array.isArray(part) ? part : [];
  if (!isCount(first) || !isCount(length) || first + length > count) {
    throw new AdaattnError(
      "file",
      `Expected a part of the ${count} values of the storage ${show(key)} but received ${show(part)}.`,
    );
  }
  return { storage: known, first, count: length };
}

/** All tensors within a value, by their path, each checked against its storage. */
function tensorsOf(value: unknown, read: (storage: Storage) => Promise<Uint8Array>): Map<string, TensorEntry> {
  const tensors = new Map<string, TensorEntry>();
  // A container may lie within itself, or many times within others: each is entered once.
  const entered = new Set<unknown>();
  const pending: { name: string; depth: number; value: unknown }[] = [{ name: "", depth: 0, value }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { name, depth } = next;
    if (next.value instanceof PickledTensor) {
      if (name === "")
        throw new AdaattnError("file", "Expected a dict of tensors but the checkpoint is one tensor, without a name.");
      tensors.set(name, entryOf(next.value, `the tensor ${show(name)}`, read));
      continue;
    }
    if (!isContainer(next.value) || entered.has(next.value)) continue;
    entered.add(next.value);
    for (const [key, child] of childrenOf(next.value).reverse()) {
      if (!(child instanceof PickledTensor) && !isContainer(child)) continue;
      const path = name === "" ? String(key) : `${name}.${key}`;
      if (depth === DEEPEST || path.length > LONGEST_NAME) {
        throw new AdaattnError(
          "file",
          `Expected dicts at most ${DEEPEST} deep, of names to read, but the checkpoint goes beyond.`,
        );
      }
      pending.push({ name: path, depth: depth + 1, value: child });
    }
  }
  return tensors;
}

function isContainer(value: unknown): value is unknown[] | Map<unknown, unknown> {
  return Array.isArray(value) || value instanceof Map;
}

/** What lies in a dict under names and numbers, or in a list. */
function childrenOf(container: unknown[] | Map<unknown, unknown>): [string | number, unknown][] {
  const pairs = [...container.entries()];
  return pairs.filter((pair): pair is [string | number, unknown] => ["string", "number"].includes(typeof pair[0]));
}

function entryOf(
  { part, view }: PickledTensor,
  label: string,
  read: (storage: Storage) => Promise<Uint8Array>,
): TensorEntry {
  checkView(view, part.count, label);
  const { dtype } = part.storage;
  const placed = { ...view, offset: part.first + view.offset };
  return { dtype, shape: [...view.shape], read: async () => decodeView(dtype, await read(part.storage), placed) };
}
