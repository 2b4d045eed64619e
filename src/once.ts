// Values that stay the same for as long as they say the same: what was made of them need not be made again.
import { isDeepStrictEqual } from 'node:util';

/**
 * The same answer for the same value, made once and kept for as long as somebody has the value. `make` must depend on
 * nothing else, and nobody may change the value: thousands are asked about again and again.
 */
export function onceFor<K extends object, V>(make: (of: K) => V): (of: K) => V {
  const made = new WeakMap<K, { readonly answer: V }>();
  return (of) => {
    const known = made.get(of);
    if (known !== undefined) return known.answer;
    const answer = make(of);
    made.set(of, { answer });
    return answer;
  };
}

/** Of values that come one after another: the earlier one for as long as those that follow are equal to it. */
export function steady<T>(): (next: T) => T {
  let last: { readonly value: T } | undefined;
  return (next) => {
    if (last === undefined || !isDeepStrictEqual(last.value, next)) last = { value: next };
    return last.value;
  };
}
