import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import Multiselect from '@cloudscape-design/components/multiselect';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import type { Dispatch, SetStateAction } from 'react';
import { useHome, useParts } from '../app/context';
import { updateShadow } from '../cli/lines';
import { changeOf, textOf, valueOf, type Draft } from '../settings/draft';
import type { Setting } from '../settings/rules';
import { settingsOf } from '../settings/table';
import { AdminButton } from '../ui/AdminButton';
import { CliLine } from '../ui/CliLine';
import { ErrorBox, Empty } from '../ui/small';
import { brief, isObject, same, type Json, type JsonObject } from '../values/json';
import { shadowOf, type OfDevice } from './ofDevice';
import { useChange } from './useChange';

interface OfDraft {
  /** What was typed; it outlives a look at another tab. */
  draft: Draft;
  setDraft: Dispatch<SetStateAction<Draft>>;
}

/** The settings as a form. What the device would refuse is said while one types. */
export function ConfigTab({ thingName, device, draft, setDraft }: OfDevice & OfDraft) {
  const { config } = useParts();
  const home = useHome();
  const change = useChange(thingName);
  const { deviceType, status } = device.catalog;
  const { desired, reported } = shadowOf(device);
  const settings = settingsOf(deviceType);
  const subject = { thingName, deviceType, metricsFloor: config.home === 'local' ? 1 : 300 };
  const { desired: changed, faults } = changeOf(settings, draft, desired, subject);
  const keys = Object.keys(changed);
  const isDirty = keys.length > 0 || Object.keys(faults).length > 0;
  if (device.shadow === null) {
    return <Empty title="There is no shadow">It comes with the device, and goes with it.</Empty>;
  }
  const save = (): void => {
    change.mutate(changed, {
      onSuccess: () => {
        setDraft({});
      },
    });
  };
  return (
    <form
      data-testid="settings-form"
      aria-label="Settings"
      onSubmit={(event) => {
        event.preventDefault();
        if (keys.length > 0 && Object.keys(faults).length === 0) save();
      }}
    >
      <Container
        header={
          <Header
            variant="h2"
            description={
              status === 'ONLINE'
                ? 'A change is written to desired; the device answers in reported.'
                : 'The device is not online: it applies a change when it is back.'
            }
          >
            Settings
          </Header>
        }
        footer={
          <SpaceBetween size="s">
            <SpaceBetween direction="horizontal" size="xs">
              <AdminButton
                variant="primary"
                formAction="none"
                data-testid="settings-save"
                loading={change.isPending}
                loadingText="Waiting for the device’s answer"
                disabled={keys.length === 0 || Object.keys(faults).length > 0}
                disabledReason={
                  Object.keys(faults).length > 0
                    ? 'The device would refuse a value. The line below sends it all the same.'
                    : 'Nothing is changed.'
                }
                onClick={save}
              >
                {keys.length > 0 ? `Change ${keys.join(', ')}` : 'Change'}
              </AdminButton>
              <Button
                formAction="none"
                disabled={!isDirty}
                onClick={() => {
                  setDraft({});
                  change.reset();
                }}
              >
                Undo
              </Button>
            </SpaceBetween>
            <CliLine
              line={updateShadow(home, thingName, keys.length > 0 ? changed : { time: 5 })}
              label={keys.length > 0 ? 'make this change' : 'change a setting'}
            />
            {change.error !== null && <ErrorBox error={change.error} />}
          </SpaceBetween>
        }
      >
        <div className="settings">
          {settings.map((setting) => (
            <Field
              key={setting.key}
              setting={setting}
              thingName={thingName}
              text={draft[setting.key] ?? textOf(setting, desired[setting.key])}
              set={(text) => {
                setDraft((known) => ({ ...known, [setting.key]: text }));
              }}
              fault={faults[setting.key]}
              desired={desired[setting.key]}
              reported={reported[setting.key]}
              rejected={reasonOf(reported, setting.key)}
            />
          ))}
        </div>
      </Container>
    </form>
  );
}

function reasonOf(reported: JsonObject, key: string): string | undefined {
  const refusal = isObject(reported.rejected) ? reported.rejected[key] : undefined;
  return isObject(refusal) && typeof refusal.reason === 'string' ? refusal.reason : undefined;
}

interface OfField {
  setting: Setting;
  thingName: string;
  text: string;
  set: (text: string) => void;
  fault: string | undefined;
  desired: Json | undefined;
  reported: Json | undefined;
  rejected: string | undefined;
}

function Field({ setting, thingName, text, set, fault, desired, reported, rejected }: OfField) {
  const runs = reported === undefined ? 'the device has reported none' : brief(reported, 60);
  const waits = desired !== undefined && !same(desired, reported) && rejected === undefined;
  return (
    <div data-testid={`setting-${setting.key}`} data-reported={JSON.stringify(reported ?? null)}>
      <FormField
        label={<code>{setting.key}</code>}
        description={setting.does.replaceAll('NAME', thingName)}
        errorText={
          fault !== undefined
            ? `The device would refuse this: ${fault}`
            : rejected !== undefined && `The device has refused it: ${rejected}`
        }
        constraintText={`Runs with: ${runs}${waits ? ' (pending)' : ''}`}
      >
        <Control setting={setting} text={text} set={set} isWrong={fault !== undefined} />
      </FormField>
    </div>
  );
}

interface OfControl {
  setting: Setting;
  text: string;
  set: (text: string) => void;
  isWrong: boolean;
}

function Control({ setting, text, set, isWrong }: OfControl) {
  switch (setting.rule) {
    case 'oneOf':
      return (
        <Select
          selectedOption={text === '' ? null : { value: text, label: text }}
          options={(setting.choices ?? []).map((value) => ({ value, label: value }))}
          placeholder="not desired"
          invalid={isWrong}
          ariaLabel={setting.key}
          onChange={({ detail }) => {
            set(detail.selectedOption.value ?? '');
          }}
        />
      );
    case 'allOrSome':
      return <Some setting={setting} text={text} set={set} />;
    case 'object':
      return (
        <Textarea
          value={text}
          rows={3}
          invalid={isWrong}
          placeholder="{ }"
          ariaLabel={setting.key}
          spellcheck={false}
          onChange={({ detail }) => {
            set(detail.value);
          }}
        />
      );
    default:
      return (
        <Input
          value={text}
          invalid={isWrong}
          ariaLabel={setting.key}
          inputMode={setting.rule === 'integer' ? 'numeric' : 'text'}
          spellcheck={false}
          placeholder={PLACEHOLDERS[setting.rule] ?? ''}
          onChange={({ detail }) => {
            set(detail.value);
          }}
        />
      );
  }
}

const PLACEHOLDERS: Record<string, string | undefined> = {
  any: 'a new value, such as 1',
  otherThings: 'names, with commas between them',
  anotherThing: 'a thing name',
};

/** All, or some of the names. */
function Some({ setting, text, set }: Omit<OfControl, 'isWrong'>) {
  const { all = 'all', names = [] } = setting;
  const { value } = valueOf(setting, text);
  const chosen =
    value === all
      ? [all]
      : Array.isArray(value)
        ? value.filter((item) => typeof item === 'string')
        : [];
  return (
    <Multiselect
      selectedOptions={chosen.map((one) => ({ value: one, label: one }))}
      options={[all, ...names].map((one) => ({ value: one, label: one }))}
      placeholder="nothing"
      ariaLabel={setting.key}
      onChange={({ detail }) => {
        const next = detail.selectedOptions.map((option) => option.value ?? '');
        const added = next.at(-1);
        // All and some exclude one another: what was chosen last counts.
        const kept = added === all ? all : next.filter((one) => one !== all);
        set(typeof kept === 'string' ? kept : JSON.stringify(kept));
      }}
    />
  );
}
