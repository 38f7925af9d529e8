/** Why a UVH5 file is refused. The message names file, field, value and what was expected. */

/** The file is not the UVH5 it claims to be: truncated, a field absent or of the wrong shape. */
export class MalformedUvh5 extends Error {
  override readonly name = "MalformedUvh5";
  readonly path: string;
  readonly field: string;

  constructor(fields: { path: string; field: string; problem: string }, options?: ErrorOptions) {
    super(`${fields.path}: ${fields.field} ${fields.problem}`, options);
    this.path = fields.path;
    this.field = fields.field;
  }
}

/** The layout is right, but no receiver can have produced these values. */
export class UnphysicalUvh5 extends Error {
  override readonly name = "UnphysicalUvh5";
  readonly path: string;
  readonly field: string;

  constructor(fields: { path: string; field: string; problem: string }) {
    super(`${fields.path}: ${fields.field} ${fields.problem}`);
    this.path = fields.path;
    this.field = fields.field;
  }
}
