/** Letting this browser in: with a link, or with the gateway's own secret. */

import { useState } from 'preact/hooks';
import { connect } from '../gateway/connection';
import { readSetupCode } from '../gateway/setupLink';
import { Button, Card, Copy, Field } from '../kit';

export function Credentials({ password }: { password: boolean }) {
  return (
    <>
      <Card title="With a link">
        <p>Where the gateway is, type this and open what it prints:</p>
        <Copy text="openclaw dashboard" label="the command" block />
        <WithLink />
      </Card>
      <Card title={password ? 'With the gateway’s password' : 'With the gateway’s token'}><WithSecret password={password} /></Card>
    </>
  );
}

function WithLink() {
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState(false);
  const use = (event: Event) => {
    event.preventDefault();
    const code = readSetupCode(text);
    setWrong(code === undefined);
    if (code) connect(code);
  };
  return (
    <form class="one-line" onSubmit={use}>
      <Field label="Or paste the link or the code"><input class="input" required value={text} autocomplete="off" spellcheck={false} aria-invalid={wrong || undefined}
        aria-describedby={wrong ? 'no-link' : undefined} onInput={(event) => setText(event.currentTarget.value)} /></Field>
      <Button type="submit">Use it</Button>
      {wrong && <p class="error" id="no-link" role="alert">This is no link and no code. Copy it whole, up to its end.</p>}
    </form>
  );
}

function WithSecret({ password }: { password: boolean }) {
  const [secret, setSecret] = useState('');
  const use = (event: Event) => {
    event.preventDefault();
    connect(password ? { password: secret } : { token: secret });
  };
  return (
    <form class="one-line" onSubmit={use}>
      <Field label={password ? 'Password' : 'Token'}><input class="input" type="password" required value={secret} autocomplete="off" onInput={(event) => setSecret(event.currentTarget.value)} /></Field>
      <Button type="submit" tone="primary">Connect</Button>
      <p class="muted small">It is sent to this gateway and not kept. {password ? 'It is' : 'It is what the gateway was set up with,'} <code>gateway.auth.{password ? 'password' : 'token'}</code> of its settings; <code>openclaw gateway recover</code> tells where it is. Afterwards a person approves this browser.</p>
    </form>
  );
}
