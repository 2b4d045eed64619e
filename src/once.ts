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
