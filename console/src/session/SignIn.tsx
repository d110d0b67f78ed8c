import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState, type SyntheticEvent } from 'react';
import { Refused, type Sessions } from './session';

interface Given {
  sessions: Sessions;
  /** Why one is asked, if there is more to say. */
  reason?: string | undefined;
  username?: string | undefined;
  isLocal: boolean;
}

/** User name and password. */
export function SignIn({ sessions, reason, username: first = '', isLocal }: Given) {
  const [username, setUsername] = useState(first || (isLocal ? 'admin' : ''));
  const [password, setPassword] = useState('');
  // The reason may come after the form: what has happened since goes before it.
  const [fault, setFault] = useState<string>();
  const told = fault ?? reason;
  const [busy, setBusy] = useState(false);

  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    setBusy(true);
    setFault(undefined);
    sessions
      .signIn(username, password)
      .catch((error: unknown) => {
        setFault(
          error instanceof Refused
            ? error.message
            : 'The server can’t be reached. Is the playground up? Try again.',
        );
      })
      .finally(() => {
        setBusy(false);
      });
  };

  return (
    <form onSubmit={submit} data-testid="sign-in" aria-label="Sign in">
      <SpaceBetween size="m">
        {told && !busy && (
          <Alert type="error" data-testid="sign-in-fault">
            {told}
          </Alert>
        )}
        <FormField label="User name">
          <Input
            value={username}
            onChange={({ detail }) => {
              setUsername(detail.value);
            }}
            autoComplete="username"
            name="username"
            data-testid="sign-in-username"
          />
        </FormField>
        <FormField
          label="Password"
          constraintText={
            isLocal
              ? 'make demo and playground up have told it once; playground user password admin sets another.'
              : 'playground user add NAME makes a user.'
          }
        >
          <Input
            value={password}
            onChange={({ detail }) => {
              setPassword(detail.value);
            }}
            type="password"
            autoComplete="current-password"
            name="password"
            data-testid="sign-in-password"
          />
        </FormField>
        <Button
          variant="primary"
          formAction="submit"
          loading={busy}
          loadingText="Signing in"
          disabled={username === '' || password === ''}
          data-testid="sign-in-submit"
        >
          Sign in
        </Button>
        {isLocal && (
          <span className="quiet">
            Without a password: <code>playground console</code> opens this page signed in.
          </span>
        )}
      </SpaceBetween>
    </form>
  );
}
