// What is good to know, and may be kept from who asks.
import { CertError } from './errors.ts';

export interface Asked<T> {
  readonly value?: T;
  readonly denied?: CertError;
}

/** Errors: those of `ask`, but for Denied. */
export async function unlessDenied<T>(ask: () => Promise<T>): Promise<Asked<T>> {
  try {
    return { value: await ask() };
  } catch (error) {
    if (error instanceof CertError && error.code === 'Denied') return { denied: error };
    throw error;
  }
}
