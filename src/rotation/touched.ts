// Whether this process has changed anything of the node's own, or has begun to: what is told of an error that nobody
// expected depends on it, and the journal cannot tell any more once it is at its end and gone.
let touched = false;

export function touch(): void {
  touched = true;
}

export const hasTouched = (): boolean => touched;
