/**
 * Compares our networks with recorded outputs of the released PyTorch code:
 *
 *   npm run parity -- FIXTURE.safetensors... [--device cpu|webgpu]
 */

import { parseArgs } from "node:util";
import { parity } from "@adaattn/train";
import { NodeEngine } from "adaattn/node";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { device: { type: "string", default: "cpu" } },
});
if (positionals.length === 0 || (values.device !== "cpu" && values.device !== "webgpu")) {
  console.error("Usage: npm run parity -- FIXTURE.safetensors... [--device cpu|webgpu]");
  process.exit(2);
}
await using engine = new NodeEngine({ device: values.device });
let failed = 0;
for (const path of positionals) {
  console.log(path);
  for (const { name, difference, relative, tolerance, passed } of await parity(path, engine)) {
    if (!passed) failed++;
    const verdict = passed ? "ok" : `MORE THAN ${tolerance}`;
    console.log(
      `  ${name.padEnd(56)} ${difference.toExponential(2).padStart(9)} ${relative.toExponential(2).padStart(9)}  ${verdict}`,
    );
  }
}
console.log(failed === 0 ? "PASS" : `FAIL: ${failed} tensors`);
process.exitCode = failed === 0 ? 0 : 1;
