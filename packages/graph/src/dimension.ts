/**
 * Dimensions of a tensor: whole numbers, or polynomials with whole coefficients over named symbols.
 *
 * A picture whose sides are multiples of 16 has the height `16*h`; its features at an eighth of the
 * size have the height `2*h`, and their number of positions is `4*h*w`. Divisions are exact or
 * rounded on the constant term only, so that two shapes are equal exactly when their printed forms
 * are.
 */

/** A dimension whose value is known only when the graph runs. */
export class SymbolicDimension {
  /**
   * Coefficients by monomial: the sorted symbol names joined with `*`; the empty string is the
   * constant term.
   */
  readonly terms: ReadonlyMap<string, number>;

  constructor(terms: ReadonlyMap<string, number>) {
    this.terms = terms;
  }

  toString(): string {
    const parts: string[] = [];
    for (const [monomial, coefficient] of this.terms) {
      if (monomial === "") parts.push(String(coefficient));
      else parts.push(coefficient === 1 ? monomial : `${coefficient}*${monomial}`);
    }
    return parts.join("+").replaceAll("+-", "-");
  }
}

/** A length along one axis. */
export type Dimension = number | SymbolicDimension;

/** The symbol `name`, a positive whole number known when the graph runs. */
export function symbol(name: string): SymbolicDimension {
  if (!/^[A-Za-z_]\w*$/.test(name)) throw new Error(`Expected an identifier for a symbol but received "${name}"`);
  return new SymbolicDimension(new Map([[name, 1]]));
}

function termsOf(dimension: Dimension): ReadonlyMap<string, number> {
  return typeof dimension === "number" ? new Map([["", dimension]]) : dimension.terms;
}

function fromTerms(terms: Map<string, number>): Dimension {
  const sorted = [...terms].filter(([, coefficient]) => coefficient !== 0).sort(([a], [b]) => compareMonomials(a, b));
  if (sorted.length === 0) return 0;
  const first = sorted[0];
  if (sorted.length === 1 && first?.[0] === "") return first[1];
  return new SymbolicDimension(new Map(sorted));
}

/** Constant last, otherwise by degree and name: `4*h*w+2*h+1`. */
function compareMonomials(a: string, b: string): number {
  if (a === "" || b === "") return a === b ? 0 : a === "" ? 1 : -1;
  return b.split("*").length - a.split("*").length || (a < b ? -1 : 1);
}

export function addDimensions(a: Dimension, b: Dimension): Dimension {
  if (typeof a === "number" && typeof b === "number") return a + b;
  const terms = new Map(termsOf(a));
  for (const [monomial, coefficient] of termsOf(b)) terms.set(monomial, (terms.get(monomial) ?? 0) + coefficient);
  return fromTerms(terms);
}

export function multiplyDimensions(a: Dimension, b: Dimension): Dimension {
  if (typeof a === "number" && typeof b === "number") return a * b;
  const terms = new Map<string, number>();
  for (const [monomialA, coefficientA] of termsOf(a)) {
    for (const [monomialB, coefficientB] of termsOf(b)) {
      const monomial = [...monomialA.split("*"), ...monomialB.split("*")]
        .filter((name) => name !== "")
        .sort()
        .join("*");
      terms.set(monomial, (terms.get(monomial) ?? 0) + coefficientA * coefficientB);
    }
  }
  return fromTerms(terms);
}

/**
 * `dimension / divisor`, rounded down or up. The coefficients of all symbols must be divisible,
 * else the rounding would depend on values that are not known yet.
 */
export function divideDimension(
  dimension: Dimension,
  divisor: number,
  rounding: "floor" | "ceil" = "floor",
): Dimension {
  const round = rounding === "floor" ? Math.floor : Math.ceil;
  const terms = new Map<string, number>();
  for (const [monomial, coefficient] of termsOf(dimension)) {
    if (monomial !== "" && coefficient % divisor !== 0) {
      throw new Error(`Expected a multiple of ${divisor} for a dimension to divide but received ${dimension}`);
    }
    terms.set(monomial, round(coefficient / divisor));
  }
  return fromTerms(terms);
}

/** `a / b` where b divides a without a remainder, or undefined. */
export function divideExactly(a: Dimension, b: Dimension): Dimension | undefined {
  if (typeof a === "number" && typeof b === "number") return b !== 0 && a % b === 0 ? a / b : undefined;
  const divisor = [...termsOf(b)];
  const [head] = divisor;
  if (divisor.length !== 1 || head === undefined) return sameDimension(a, b) ? 1 : undefined;
  const terms = new Map<string, number>();
  for (const [monomial, coefficient] of termsOf(a)) {
    const names = monomial.split("*").filter((name) => name !== "");
    for (const name of head[0].split("*").filter((part) => part !== "")) {
      const at = names.indexOf(name);
      if (at < 0) return undefined;
      names.splice(at, 1);
    }
    if (coefficient % head[1] !== 0) return undefined;
    terms.set(names.join("*"), coefficient / head[1]);
  }
  return fromTerms(terms);
}

export function sameDimension(a: Dimension, b: Dimension): boolean {
  return String(a) === String(b);
}

/** The value of a dimension under `bindings`, which give every symbol its number. */
export function evaluateDimension(dimension: Dimension, bindings: ReadonlyMap<string, number>): number {
  if (typeof dimension === "number") return dimension;
  let sum = 0;
  for (const [monomial, coefficient] of dimension.terms) {
    let product = coefficient;
    for (const name of monomial.split("*").filter((part) => part !== "")) {
      const value = bindings.get(name);
      if (value === undefined) throw new Error(`Expected a value for the symbol ${name} but received none`);
      product *= value;
    }
    sum += product;
  }
  return sum;
}
