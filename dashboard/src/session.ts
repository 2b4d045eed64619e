// The person's token, in this page's memory and nowhere else, and what it allows.
import { createContext } from 'preact';
import { useContext, useState } from 'preact/hooks';
import type { Me } from '../../src/web/dashboard/person.ts';
import type { ActionRequest } from '../../src/web/dashboard/actions.ts';

export type { Me, ActionRequest };

export type Answered =
  | { readonly ok: true; readonly name: string }
  | { readonly ok: false; readonly error: string; readonly message: string };

export interface Session {
  readonly me: Me | undefined;
  /** The token was taken before, and is not any more. */
  readonly over: boolean;
  readonly signIn: (token: string) => Promise<Answered>;
  readonly signOut: () => void;
  readonly act: (action: ActionRequest) => Promise<Answered>;
  /** Opens the dialog that asks for a token. */
  readonly ask: () => void;
  /** Another object each time that it is asked for. */
  readonly asking: object | undefined;
  /** What was asked for is over; what has been asked for since is not. */
  readonly close: (asked: object | undefined) => void;
}

const unused: Session = {
  me: undefined,
  over: false,
  signIn: async () => ({ ok: false, error: 'failed', message: '' }),
  signOut: () => undefined,
  act: async () => ({ ok: false, error: 'failed', message: '' }),
  ask: () => undefined,
  asking: undefined,
  close: () => undefined,
};

export const SessionContext = createContext<Session>(unused);
export const useSession = (): Session => useContext(SessionContext);

export function useNewSession(): Session {
  const [signed, setSigned] = useState<{ readonly token: string; readonly me: Me } | undefined>();
  const [over, setOver] = useState(false);
  const [asking, setAsking] = useState<object | undefined>();
  return {
    me: signed?.me,
    over,
    asking,
    ask: () => setAsking({}),
    close: (asked) => setAsking((now) => (now === asked ? undefined : now)),
    signOut: () => setSigned(undefined),
    signIn: async (token) => {
      const answer = await call<Me>('/api/v1/me', token);
      if (!answer.ok) return answer;
      setSigned({ token, me: answer.value });
      setOver(false);
      setAsking(undefined);
      return { ok: true, name: answer.value.user };
    },
    act: async (action) => {
      const answer = await call<{ readonly name: string }>('/api/v1/actions', signed?.token ?? '', action);
      if (answer.ok) return { ok: true, name: answer.value.name };
      if (answer.error === 'token') {
        setSigned(undefined);
        setOver(true);
      }
      return answer;
    },
  };
}

type Called<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: string; readonly message: string };

async function call<T>(path: string, token: string, body?: object): Promise<Called<T>> {
  try {
    const answer = await fetch(path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (answer.ok) {
      const value: T = await answer.json();
      return { ok: true, value };
    }
    const { error, message }: { error: string; message: string } = await answer.json();
    return { ok: false, error, message };
  } catch (error) {
    return { ok: false, error: 'network', message: error instanceof Error ? error.message : String(error) };
  }
}
