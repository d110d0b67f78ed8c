import { isObject } from '../values/json';

/** An answer of the API that is none of its good ones. */
export class Problem extends Error {
  override name = 'Problem';

  constructor(
    readonly status: number,
    /** What comes after `urn:iot-playground:problem:`; empty when it is API Gateway's. */
    readonly kind: string,
    readonly title: string,
    readonly detail: string,
    readonly errors: readonly { field: string; rule: string }[] = [],
    /** Seconds to wait before another try, if the API says so. */
    readonly retryAfter?: number,
  ) {
    super(detail || title);
  }

  /** Whether the same request may go through a moment later. */
  get isPassing(): boolean {
    return this.status === 429 || this.status === 503 || (this.status >= 500 && this.kind === '');
  }
}

const PREFIX = 'urn:iot-playground:problem:';

/** A problem from what was answered: problem details, or API Gateway's `{"message"}`. */
export function problemOf(status: number, told: unknown, retryAfter?: string | null): Problem {
  const seconds = retryAfter ? Number(retryAfter) || undefined : undefined;
  if (!isObject(told)) {
    return new Problem(status, '', `HTTP ${String(status)}`, NOTHING_TOLD, [], seconds);
  }
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const type = text(told.type);
  const errors = Array.isArray(told.errors)
    ? told.errors.filter(isObject).map((row) => ({ field: text(row.field), rule: text(row.rule) }))
    : [];
  return new Problem(
    status,
    type.startsWith(PREFIX) ? type.slice(PREFIX.length) : '',
    text(told.title) || `HTTP ${String(status)}`,
    text(told.detail) || text(told.message) || NOTHING_TOLD,
    errors,
    seconds,
  );
}

const NOTHING_TOLD = 'The answer does not say why.';

/** An error in a sentence for a person. */
export const inWords = (error: unknown): string =>
  error instanceof Problem
    ? error.message
    : error instanceof TypeError
      ? 'The API can’t be reached.'
      : error instanceof Error
        ? error.message
        : String(error);
