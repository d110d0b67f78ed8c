import { isObject, same, type Json } from './json';

/** One place where two values differ. A side that has nothing there is undefined. */
export interface Difference {
  path: string;
  before: Json | undefined;
  after: Json | undefined;
  kind: 'added' | 'removed' | 'changed';
}

/**
 * Where two values differ, in the order of their members. Objects are compared by member; an
 * array is one value, as in a shadow, where it is replaced as a whole.
 */
export function differences(
  before: Json | undefined,
  after: Json | undefined,
  path = '',
): Difference[] {
  if (same(before, after)) return [];
  if (isObject(before) && isObject(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return names.flatMap((name) =>
      differences(before[name], after[name], path ? `${path}.${name}` : name),
    );
  }
  const kind = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  return [{ path, before, after, kind }];
}

/** What a shadow says of one setting. */
export interface ShadowRow {
  key: string;
  desired: Json | undefined;
  reported: Json | undefined;
  delta: Json | undefined;
  /** Why the device refuses what is desired, in its own words. */
  reason: string | undefined;
  state: 'same' | 'pending' | 'rejected' | 'reported only';
}

/** A shadow, setting by setting; those that need a look come first. */
export function shadowRows(
  desired: Record<string, Json | undefined>,
  reported: Record<string, Json | undefined>,
  delta: Record<string, Json | undefined>,
): ShadowRow[] {
  const rejected = isObject(reported.rejected) ? reported.rejected : {};
  const keys = [...new Set([...Object.keys(desired), ...Object.keys(reported)])].filter(
    (key) => key !== 'rejected',
  );
  const rows = keys.map((key): ShadowRow => {
    const refusal = rejected[key];
    const reason =
      isObject(refusal) && typeof refusal.reason === 'string' ? refusal.reason : undefined;
    const wished = key in desired;
    const agreed = same(desired[key], reported[key]);
    const state = !wished
      ? 'reported only'
      : reason !== undefined
        ? 'rejected'
        : agreed || !(key in delta)
          ? 'same'
          : 'pending';
    return {
      key,
      desired: desired[key],
      reported: reported[key],
      delta: delta[key],
      reason,
      state,
    };
  });
  const rank = { rejected: 0, pending: 1, same: 2, 'reported only': 3 };
  return rows.sort((left, right) => rank[left.state] - rank[right.state]);
}
