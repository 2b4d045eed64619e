// Texts that leave a node: of a size that fits, and of nothing but what may be printed or typed.

/** At most so many bytes of UTF-8, the mark of the cut included; never half a character. */
export function cutBytes(text: string, most: number): string {
  if (Buffer.byteLength(text) <= most) return text;
  let bytes = Buffer.byteLength('…');
  let kept = '';
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > most) break;
    kept += character;
  }
  return `${kept}…`;
}

/** One line: what ends a line is a blank, what steers a terminal or turns the direction of writing is gone. */
export function printable(text: string): string {
  return text.replaceAll(/[\t\r\n\p{Zl}\p{Zp}]+/gu, ' ').replaceAll(/[\p{Cc}\p{Cf}]/gu, '');
}

/** One word for a shell: paths come from the node, and a node may say anything. */
export function shellWord(text: string): string {
  return /^[\w/.:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** A copy of a value of JSON with all its texts printable. */
export function withPrintableTexts(value: object): object {
  const copy: unknown = JSON.parse(
    JSON.stringify(value, (_, each: unknown) => (typeof each === 'string' ? printable(each) : each)),
  );
  return typeof copy === 'object' && copy !== null ? copy : {};
}
