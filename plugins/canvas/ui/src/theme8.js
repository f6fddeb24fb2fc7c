// A2UI 0.8 renders nothing without a theme that names every component; this one looks like 0.9's.
const none = {};
const flush = ['layout-m-0'];
const labelled = {container: none, element: none, label: none};
const font = 'var(--a2ui-font-family-title)';
const frame = {
  background: 'var(--a2ui-color-input)',
  border: 'var(--a2ui-border)',
  'border-radius': 'var(--a2ui-border-radius)',
  color: 'var(--a2ui-color-on-input)',
  font: 'inherit',
  padding: 'var(--a2ui-spacing-m)',
};
const gap = {gap: 'var(--a2ui-spacing-m)'};
const heading = size => ({
  'font-family': font,
  'font-size': `var(--a2ui-font-size-${size})`,
  'font-weight': '600',
  'line-height': 'var(--a2ui-line-height-headings)',
});

export const theme = {
  components: {
    AudioPlayer: none,
    Button: none,
    Card: none,
    CheckBox: labelled,
    Column: none,
    DateTimeInput: labelled,
    Divider: none,
    Icon: none,
    Image: {
      all: none, icon: none, avatar: none, header: none,
      smallFeature: none, mediumFeature: none, largeFeature: none,
    },
    List: none,
    Modal: {backdrop: none, element: none},
    MultipleChoice: labelled,
    Row: none,
    Slider: labelled,
    Tabs: {container: none, element: none, controls: {all: none, selected: none}},
    Text: {all: none, h1: none, h2: none, h3: none, h4: none, h5: none, caption: none, body: none},
    TextField: labelled,
    Video: none,
  },
  elements: {},
  markdown: {p: flush, h1: flush, h2: flush, h3: flush, h4: flush, h5: flush, ul: [], ol: [], li: [], a: [], strong: [], em: []},
  additionalStyles: {
    Button: {
      background: 'var(--a2ui-color-primary)',
      border: 'none',
      'border-radius': 'var(--a2ui-border-radius)',
      color: 'var(--a2ui-color-on-primary)',
      cursor: 'pointer',
      font: 'inherit',
      padding: 'var(--a2ui-spacing-m) var(--a2ui-spacing-l)',
    },
    Card: {
      background: 'var(--a2ui-color-surface)',
      border: 'var(--a2ui-border)',
      'border-radius': 'var(--a2ui-border-radius)',
      padding: 'var(--a2ui-spacing-l)',
    },
    CheckBox: {display: 'grid', 'grid-template-columns': 'max-content 1fr', 'align-items': 'center', ...gap},
    Column: gap,
    DateTimeInput: frame,
    List: gap,
    Row: gap,
    Text: {
      h1: heading('2xl'),
      h2: heading('xl'),
      h3: heading('l'),
      h4: heading('m'),
      h5: heading('s'),
      h6: heading('xs'),
      body: {},
      caption: {'font-size': 'var(--a2ui-font-size-s)', opacity: '0.8'},
    },
    TextField: frame,
  },
};
