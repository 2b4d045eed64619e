// A tar archive (POSIX ustar) of a few small texts. Pure.

export interface TarFile {
  readonly path: string;
  readonly text: string;
}

const block = 512;

/** @param mtime seconds since 1970, of every file */
export function tarOf(files: readonly TarFile[], mtime: number): Buffer {
  const parts = files.flatMap(({ path, text }) => {
    const body = Buffer.from(text, 'utf8');
    const padding = Buffer.alloc((block - (body.length % block)) % block);
    return [headerOf(path, body.length, mtime), body, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;

function headerOf(path: string, size: number, mtime: number): Buffer {
  const header = Buffer.alloc(block);
  const put = (text: string, at: number): void => void header.write(text, at, 'latin1');
  const { name, prefix } = splitPath(path);
  put(name, 0);
  put(octal(0o600, 8), 100);
  put(octal(0, 8), 108);
  put(octal(0, 8), 116);
  put(octal(size, 12), 124);
  put(octal(mtime, 12), 136);
  put(' '.repeat(8), 148);
  put('0', 156);
  put('ustar\u000000', 257);
  put(prefix, 345);
  put(
    octal(
      header.reduce((sum, byte) => sum + byte, 0),
      7,
    ),
    148,
  );
  return header;
}

/** A name has room for 100 bytes, the directories before it for 155. */
function splitPath(path: string): { readonly name: string; readonly prefix: string } {
  if (path.length <= 100) return { name: path, prefix: '' };
  const cut = path.lastIndexOf('/', 155);
  const [prefix, name] = [path.slice(0, Math.max(cut, 0)), path.slice(cut + 1)];
  return name.length <= 100 ? { name, prefix } : { name: name.slice(-100), prefix };
}
