import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readPicture } from "adaattn/node";
import { describe, expect, test } from "vitest";
import { adaattn, run, temporaryFolder, waves } from "./command.ts";

const folder = await temporaryFolder();
const exportTo = (...args: string[]) => adaattn(["export", "--onnx", ...args], { cwd: folder });

/**
 * Modules with what the README's Python asks of Pillow and of ONNX Runtime, neither of which Debian
 * has beside onnx.
 */
const PYTHON_MODULES = {
  // Without it an installed Pillow would be found first.
  "PIL/__init__.py": "",
  "PIL/Image.py": `
import numpy

class Picture:
    def __init__(self, pixels):
        self.pixels = pixels
        self.height, self.width = pixels.shape[:2]
    def convert(self, mode):
        return self
    def resize(self, size):
        return Picture(numpy.zeros((size[1], size[0], 3), "uint8"))
    def __array__(self, dtype=None, copy=None):
        return self.pixels.astype(dtype)
    def save(self, path):
        print(path, self.pixels.shape, self.pixels.dtype, self.pixels.max())

open = lambda path: Picture(numpy.zeros((100, 120, 3), "uint8"))
fromarray = Picture
`,
  "onnxruntime.py": `
import numpy, onnx, types

class InferenceSession:
    def __init__(self, path):
        self.inputs = {entry.name: [length.dim_value or length.dim_param for length in entry.type.tensor_type.shape.dim]
                       for entry in onnx.load(path).graph.input}
    def get_inputs(self):
        return [types.SimpleNamespace(name=name, shape=shape) for name, shape in self.inputs.items()]
    def run(self, names, feeds):
        for name, shape in self.inputs.items():
            assert feeds[name].dtype == numpy.float32 and feeds[name].shape == tuple(shape), (name, feeds[name].shape)
        return [numpy.ones_like(feeds["content"])]
`,
};

describe("a model is exported", () => {
  test("as a file that the README's program runs", async () => {
    const { code, stdout, stderr } = await exportTo(
      ...[
        "whole",
        "--size",
        "64x96",
        "--grain",
        "0.5",
        "--style-size",
        "64x64",
        "--fp16",
        "--int8-encoder",
        "--quiet",
        "--json",
      ],
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { folder: named, files } = JSON.parse(stdout) as { folder: string; files: { file: string; bytes: number }[] };
    expect(named).toBe("whole");
    expect(files.map(({ file }) => file)).toEqual(["model.onnx", "README.md"]);
    // 1.9 million weights, 0.8 million of them in one byte, the others in two.
    expect(files[0]?.bytes).toBeGreaterThan(2.9e6);
    expect(files[0]?.bytes).toBeLessThan(3.3e6);

    const text = await readFile(join(folder, "whole/README.md"), "utf8");
    const [, program = ""] = /```js\n(.*?)```/s.exec(text) ?? [];
    await writeFile(join(folder, "whole/run.mjs"), program);
    await waves(96, 64).png().toFile(join(folder, "whole/photo.jpg"));
    await waves(64, 64).png().toFile(join(folder, "whole/painting.jpg"));
    await symlink(fileURLToPath(new URL("../../../node_modules", import.meta.url)), join(folder, "node_modules"));
    const ran = await run([process.execPath, "run.mjs"], { cwd: join(folder, "whole") });
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const { width, height, data } = await readPicture(join(folder, "whole/out.png"));
    expect({ width, height }).toEqual({ width: 96, height: 64 });
    expect(new Set(data).size).toBeGreaterThan(50);
  });

  test("with a program in Python that gives each input what it asks for", async ({ skip }) => {
    const python = "/usr/bin/python3";
    const { code: lacking } = await run([python, "-c", "import onnx"]).catch(() => ({ code: 1 }));
    if (lacking !== 0 && process.env.CI !== "true") skip("python3-onnx is not installed");
    const target = join(folder, "python");
    const { code } = await exportTo("python", "--size", "64x96", "--style-size", "64x64", "--portable", "--quiet");
    expect(code).toBe(0);
    const [, program = ""] = /```python\n(.*?)```/s.exec(await readFile(join(target, "README.md"), "utf8")) ?? [];
    await mkdir(join(target, "PIL"));
    for (const [name, text] of Object.entries(PYTHON_MODULES)) await writeFile(join(target, name), text);
    await writeFile(join(target, "documented.py"), program);
    expect(await run([python, "documented.py"], { cwd: target })).toMatchObject({
      stderr: "",
      stdout: "out.png (64, 96, 3) uint8 255\n",
    });
  });

  test("as a file a part", async () => {
    const { code, stdout } = await exportTo("parts", "--parts", "split", "--portable", "-q");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect((await readdir(join(folder, "parts"))).sort()).toEqual([
      "README.md",
      ...["attend3", "attend4", "attend5", "decode", "encode", "statistics", "style"].map((name) => `${name}.onnx`),
    ]);
  });
});

describe("refused", () => {
  test.each([
    [
      ["a", "--size", "100x200"],
      "Expected HEIGHTxWIDTH in multiples of 16 from 32 on, such as 512x768, for --size but received 100x200.",
    ],
    [["a", "--size", "512"], "for --size but received 512."],
    [["a", "--style-size", "16x16"], "for --style-size but received 16x16."],
    [["a", "--grain", "0.5"], "Expected --size HxW beside --grain, which is stored pixel by pixel."],
    [["a", "--parts", "halves"], "Expected one of whole, split for --parts but received halves."],
    [
      ["a", "--parts", "split", "--size", "64x64"],
      "Expected no --size and no --style-size with --parts split, whose files take every size.",
    ],
  ])("%j", async (args, sentence) => {
    const { code, stderr } = await exportTo(...args);
    expect({ code, said: stderr.includes(sentence) }).toEqual({ code: 2, said: true });
    expect(await readdir(folder)).not.toContain("a");
  });

  test("a folder that holds files, which stay as they are", async () => {
    await mkdir(join(folder, "full"));
    await writeFile(join(folder, "full/mine.txt"), "mine");
    const { code, stderr } = await exportTo("full");
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "error: Cannot write full: it holds files already. Choose a new folder, or empty this one.\n",
    });
    expect(await readdir(join(folder, "full"))).toEqual(["mine.txt"]);
  });

  test("a model that does not exist", async () => {
    const { code, stderr } = await exportTo("b", "--model", "smal", "-q");
    expect(code).toBe(1);
    expect(stderr).toContain("There is no model smal. Choose small");
    expect(await readdir(folder)).not.toContain("b");
  });
});
