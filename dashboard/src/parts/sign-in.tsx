import { useEffect, useRef, useState } from 'preact/hooks';
import { useReader } from '../reader.ts';
import { useSession } from '../session.ts';

/** Asks for the person's token. The browser's own dialog keeps the focus in it and gives it back. */
export function SignIn() {
  const { w } = useReader();
  const { asking, close, signIn, over } = useSession();
  const dialog = useRef<HTMLDialogElement>(null);
  const shown = useRef<object | undefined>(undefined);
  const [wrong, setWrong] = useState('');
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (asking === undefined) dialog.current?.close();
    else if (dialog.current?.open === false) dialog.current.showModal();
    shown.current = asking;
    setWrong('');
  }, [asking]);
  const submit = async (event: SubmitEvent & { currentTarget: HTMLFormElement }): Promise<void> => {
    event.preventDefault();
    const field = event.currentTarget.elements.namedItem('token');
    if (!(field instanceof HTMLTextAreaElement)) return;
    setBusy(true);
    const answer = await signIn(field.value.replaceAll(/\s/g, ''));
    setBusy(false);
    if (answer.ok) field.value = '';
    else setWrong(answer.error === 'token' ? w('token.bad') : w('act.failed', { why: answer.message }));
  };
  return (
    // The browser tells of a close a moment later; who has asked again since then is not sent away.
    <dialog ref={dialog} onClose={() => close(shown.current)} aria-labelledby="sign-in-title">
      <form onSubmit={(event) => void submit(event)}>
        <h2 id="sign-in-title">{w('token.title')}</h2>
        {over && <p class="bad">{w('token.over')}</p>}
        <p>{w('token.about')}</p>
        <p>
          <code>{w('token.how')}</code>
        </p>
        <label>
          {w('token.label')}
          <textarea
            name="token"
            rows={5}
            required
            spellcheck={false}
            autocomplete="off"
            aria-invalid={wrong === '' ? undefined : 'true'}
            aria-describedby="sign-in-wrong"
          />
        </label>
        <p id="sign-in-wrong" class="bad" role="alert">
          {wrong}
        </p>
        <div class="row end">
          <button type="button" class="quiet" onClick={() => close(asking)}>
            {w('act.close')}
          </button>
          <button type="submit" class="main" disabled={busy}>
            {w('token.use')}
          </button>
        </div>
      </form>
    </dialog>
  );
}
