import { useRef, useState } from 'preact/hooks';
import { useReader } from '../reader.ts';
import { useSession, type ActionRequest, type Me } from '../session.ts';

const rights = {
  rotate: 'rotate',
  pause: 'pause',
  resume: 'pause',
  approve: 'approve',
  'pause-all': 'pauseAll',
  'resume-all': 'pauseAll',
} as const satisfies Record<ActionRequest['action'], keyof Me>;

/** A button that does something in the person's name: asks for a token where there is none, and then whether it is meant. */
export function Act({ action, main = false }: { readonly action: ActionRequest; readonly main?: boolean }) {
  const { w } = useReader();
  const { me, ask, act } = useSession();
  const dialog = useRef<HTMLDialogElement>(null);
  const [said, setSaid] = useState('');
  const denied = me !== undefined && !me[rights[action.action]];
  const run = async (): Promise<void> => {
    dialog.current?.close();
    const answer = await act(action);
    if (answer.ok) setSaid(w(`act.done.${action.action}`, { name: answer.name }));
    else if (answer.error === 'token') ask();
    else setSaid(w('act.failed', { why: answer.message }));
  };
  return (
    <span class="act">
      <button
        type="button"
        class={main ? 'main' : ''}
        disabled={denied}
        title={denied ? w('act.denied') : undefined}
        onClick={() => (me === undefined ? ask() : dialog.current?.showModal())}
      >
        {w(`act.${action.action}`)}
      </button>
      <span role="status" class="said">
        {said}
      </span>
      <dialog ref={dialog} aria-label={w(`act.${action.action}`)}>
        <h2>{w(`act.${action.action}`)}</h2>
        <Question action={action} />
        <div class="row end">
          <button type="button" class="quiet" onClick={() => dialog.current?.close()}>
            {w('act.cancel')}
          </button>
          <button type="button" class="main" onClick={() => void run()}>
            {w(`act.${action.action}`)}
          </button>
        </div>
      </dialog>
    </span>
  );
}

function Question({ action }: { readonly action: ActionRequest }) {
  const { w } = useReader();
  if ('rotation' in action) return <p>{w('act.confirm.approve', { name: action.rotation })}</p>;
  if ('node' in action) return <p>{w(`act.confirm.${action.action}`, { name: action.node })}</p>;
  return (
    <>
      <p>{w(`act.confirm.${action.action}`)}</p>
      <p class="sub">
        {w('pause.soon')} {w('pause.helm')}
      </p>
    </>
  );
}

/** Pausing everything and resuming it: nothing for whoever may not. */
export function ActOnAll({ action }: { readonly action: 'pause-all' | 'resume-all' }) {
  const { me } = useSession();
  return me?.pauseAll === true ? <Act action={{ action }} /> : null;
}
