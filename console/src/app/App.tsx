import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import Modal from '@cloudscape-design/components/modal';
import Spinner from '@cloudscape-design/components/spinner';
import { QueryClientProvider } from '@tanstack/react-query';
import { useEffect, useState, useSyncExternalStore, type ReactNode } from 'react';
import { cognitoDoor, serverDoor } from '../session/doors';
import { Sessions } from '../session/session';
import { SignIn } from '../session/SignIn';
import { readConfig, type Config } from './config';
import { PartsContext, type Parts } from './context';
import { partsOf } from './parts';
import { Shell } from './Shell';

const ask: typeof fetch = (...given) => fetch(...given);

/** The page: reads its config, has somebody sign in, and then shows the views. */
export function App({ code }: { code: string | undefined }) {
  const parts = useStart(code);
  if (parts === undefined) {
    return (
      <Waiting>
        <Spinner /> Looking for the playground …
      </Waiting>
    );
  }
  return (
    <PartsContext value={parts}>
      <QueryClientProvider client={parts.queries}>
        <Door parts={parts} />
      </QueryClientProvider>
    </PartsContext>
  );
}

/** The parts, when the config is there; it is asked for until it comes. */
function useStart(code: string | undefined): Parts | undefined {
  const [parts, setParts] = useState<Parts>();
  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const begin = (config: Config): void => {
      const door =
        config.signIn === 'cognito'
          ? cognitoDoor(ask, config.region, config.userPoolClientId)
          : serverDoor(ask);
      const made = partsOf(config, new Sessions(door));
      void made.sessions.start(code);
      setParts(made);
    };
    const look = (): void => {
      readConfig(ask).then(
        (config) => {
          if (!over) begin(config);
        },
        () => {
          if (!over) timer = setTimeout(look, 2000);
        },
      );
    };
    look();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [code]);
  return parts;
}

/** Who has not signed in sees the form; whose sign-in has run out sees it above the page. */
function Door({ parts: { sessions, config } }: { parts: Parts }) {
  const state = useSyncExternalStore(sessions.subscribe, () => sessions.state);
  const isLocal = config.home === 'local';
  switch (state.kind) {
    case 'starting':
      return (
        <Waiting>
          <Spinner /> Signing in …
        </Waiting>
      );
    case 'unreachable':
      return (
        <Waiting>
          <Alert type="warning" header="The playground can’t be reached">
            Is it up? <code>playground up</code> starts it. This page tries again by itself.
          </Alert>
        </Waiting>
      );
    case 'signed-out':
      return (
        <Waiting>
          <Container header={<Header variant="h1">AWS IoT Playground</Header>}>
            <SignIn sessions={sessions} reason={state.reason} isLocal={isLocal} />
          </Container>
        </Waiting>
      );
    default:
      return (
        <>
          <Shell />
          {state.kind === 'expired' && (
            <Modal visible header="Sign in again" size="small" closeAriaLabel="Close">
              <Box padding={{ bottom: 's' }}>
                Your sign-in has ended. The page stays as it is, and goes on afterwards.
              </Box>
              <SignIn sessions={sessions} username={state.session.username} isLocal={isLocal} />
            </Modal>
          )}
        </>
      );
  }
}

function Waiting({ children }: { children: ReactNode }) {
  return <main className="waiting">{children}</main>;
}
