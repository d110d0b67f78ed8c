import HelpPanel from '@cloudscape-design/components/help-panel';
import Select from '@cloudscape-design/components/select';
import { useState } from 'react';
import { LESSONS, lessonBeside } from './lessons';
import { LessonText } from './LessonText';

/** A lesson beside the view: the one that fits it, or another that was chosen. */
export default function LearnPane({ path }: { path: string }) {
  const [chosen, setChosen] = useState<string>();
  const lesson = LESSONS.find(({ id }) => id === chosen) ?? lessonBeside(path);
  const [, name] = /^\/devices\/([^/]+)/.exec(path) ?? [];
  if (lesson === undefined) return null;
  return (
    <HelpPanel header={<h2>Learn</h2>}>
      <Select
        selectedOption={{ value: lesson.id, label: lesson.title }}
        options={LESSONS.map(({ id, title }) => ({ value: id, label: title }))}
        ariaLabel="Lesson"
        onChange={({ detail }) => {
          setChosen(detail.selectedOption.value);
        }}
      />
      <LessonText lesson={lesson} thingName={name ? decodeURIComponent(name) : 'lamp'} />
    </HelpPanel>
  );
}
