// Pauses between attempts: each failure doubles them, half of each is drawn, so that clients do not come in step.

export class Backoff {
  #failures = 0;
  #random;
  #initial;
  #maximum;

  /** @param {{random: () => number, initial?: number, maximum?: number}} options milliseconds */
  constructor({ random, initial = 500, maximum = 30_000 }) {
    this.#random = random;
    this.#initial = initial;
    this.#maximum = maximum;
  }

  /** Failures in a row. */
  get failures() {
    return this.#failures;
  }

  /**
   * The milliseconds to wait after another failure; at least what the service asked for.
   *
   * @param {number | null} [retryAfter] seconds
   */
  next(retryAfter) {
    const most = Math.min(this.#maximum, this.#initial * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    const drawn = most / 2 + (most / 2) * this.#random();
    // What the service asks for is the same for all that it asks: they are spread by a quarter of it.
    return retryAfter ? Math.max(drawn, retryAfter * 1000 * (1 + this.#random() / 4)) : drawn;
  }

  /** It worked: the next failure is a first one. */
  reset() {
    this.#failures = 0;
  }
}
