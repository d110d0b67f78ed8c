import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { LESSONS } from './lessons';
import { LessonText } from './LessonText';

/** All lessons. Beside any view they are in the pane at the right. */
export default function LearnView() {
  return (
    <SpaceBetween size="m">
      <Header
        variant="h1"
        description="Short lessons, each to be tried with a device of yours; here it is called lamp."
      >
        Learn
      </Header>
      {LESSONS.map((lesson, at) => (
        <ExpandableSection
          key={lesson.id}
          variant="container"
          headerText={lesson.title}
          defaultExpanded={at === 0}
        >
          <LessonText lesson={lesson} thingName="lamp" />
        </ExpandableSection>
      ))}
    </SpaceBetween>
  );
}
