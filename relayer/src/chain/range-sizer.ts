/** How many blocks to ask at once: halves when a provider refuses or answers too much, doubles again when answers are small. */
export class RangeSizer {
  #size: number;

  constructor(
    private readonly max: number,
    /** answers of up to this many bytes are fine */
    private readonly targetBytes: number,
  ) {
    this.#size = max;
  }

  get size(): number {
    return this.#size;
  }

  /** @returns false if one block was asked already: there is nothing smaller */
  refused(asked: number): boolean {
    if (asked <= 1) return false;
    this.#size = Math.max(1, Math.floor(asked / 2));
    return true;
  }

  answered(asked: number, bytes: number): void {
    if (bytes > this.targetBytes) this.#size = Math.max(1, Math.floor(asked / 2));
    else if (asked === this.#size && bytes * 4 <= this.targetBytes) this.#size = Math.min(this.max, this.#size * 2);
  }
}
