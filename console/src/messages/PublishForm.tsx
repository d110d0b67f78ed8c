import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import { useState } from 'react';
import { useHome } from '../app/context';
import { publish } from '../cli/lines';
import { useCommand } from '../device/useCommand';
import { AdminButton } from '../ui/AdminButton';
import { CliLine } from '../ui/CliLine';
import { ErrorBox, JsonText } from '../ui/small';
import { routeOf, topicFault } from './publish';

/** Publish: a command to a device goes through the API, all else is a line for the shell. */
export function PublishForm({ topic: chosen }: { topic: string | undefined }) {
  const home = useHome();
  const [typed, setTopic] = useState<string>();
  const [payload, setPayload] = useState('{"command": "ping"}');
  const topic = typed ?? chosen ?? 'cmd/playground/lamp/req';
  const route = routeOf(topic, payload);
  const command = useCommand(route.kind === 'command' ? route.thingName : '');
  const fault = topicFault(topic);
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="A command to a device goes through the API. This page has no right to publish anything else: your shell has."
        >
          Publish
        </Header>
      }
    >
      <form
        aria-label="Publish"
        data-testid="publish-form"
        onSubmit={(event) => {
          event.preventDefault();
        }}
      >
        <SpaceBetween size="s">
          <FormField label="Topic" errorText={fault}>
            <Input
              value={topic}
              spellcheck={false}
              data-testid="publish-topic"
              onChange={({ detail }) => {
                setTopic(detail.value.trim());
              }}
            />
          </FormField>
          <FormField label="Payload">
            <Textarea
              value={payload}
              rows={3}
              spellcheck={false}
              data-testid="publish-payload"
              onChange={({ detail }) => {
                setPayload(detail.value);
              }}
            />
          </FormField>
          <AdminButton
            formAction="none"
            data-testid="publish-submit"
            loading={command.isPending}
            loadingText="Waiting for the reply"
            disabled={route.kind !== 'command'}
            disabledReason={
              'Only {"command": …} to cmd/playground/NAME/req goes through the API. ' +
              'Copy the line below for all else.'
            }
            onClick={() => {
              if (route.kind !== 'command') return;
              command.mutate({
                command: route.command,
                ...(route.arguments && { arguments: route.arguments }),
              });
            }}
          >
            Send the command
          </AdminButton>
          {fault === undefined && (
            <CliLine line={publish(home, topic, payload)} label="publish this message" />
          )}
          {command.error !== null && <ErrorBox error={command.error} />}
          {command.data && <JsonText value={command.data} />}
        </SpaceBetween>
      </form>
    </Container>
  );
}
