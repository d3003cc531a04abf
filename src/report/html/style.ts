/**
 * The page's style sheet. Colours are variables in two sets; charts read theirs from here. Contrast of text on its
 * ground is at least 4.5 : 1 in both sets, of chart lines 3 : 1 (checked in the tests).
 */

/** Six hues that stay apart for colour-blind readers; charts dash their lines besides. */
export const LIGHT: Readonly<Record<string, string>> = {
  ground: "#f6f7f9",
  surface: "#ffffff",
  ink: "#171b21",
  muted: "#59626f",
  line: "#d8dde4",
  accent: "#0b5fb0",
  good: "#18703c",
  "good-ground": "#e3f4e8",
  bad: "#b3261e",
  "bad-ground": "#fce8e6",
  unsure: "#7a5300",
  "unsure-ground": "#fdf1d6",
  c1: "#1f6fc4",
  c2: "#c2571a",
  c3: "#10857a",
  c4: "#8a4fc7",
  c5: "#ba3a78",
  c6: "#6d7a1c",
  burst: "#f2a93b33",
  gc: "#7f8a98",
  "gc-signal": "#c0392b",
  mark: "#a03a2c",
  pending: "#c98a1b",
};

export const DARK: Readonly<Record<string, string>> = {
  ground: "#0f1317",
  surface: "#171c22",
  ink: "#e9edf2",
  muted: "#a2adba",
  line: "#323a45",
  accent: "#7cb8f5",
  good: "#7fd39a",
  "good-ground": "#12301d",
  bad: "#f5978f",
  "bad-ground": "#3b1614",
  unsure: "#eac16a",
  "unsure-ground": "#352809",
  c1: "#6cb2f7",
  c2: "#f09a5e",
  c3: "#4fcabb",
  c4: "#c39bf3",
  c5: "#f089b9",
  c6: "#bccb5c",
  burst: "#f2a93b2e",
  gc: "#8d99a8",
  "gc-signal": "#ef6f63",
  mark: "#f0968a",
  pending: "#d9a441",
};

const variables = (set: Readonly<Record<string, string>>): string =>
  Object.entries(set)
    .map(([name, value]) => `--${name}:${value};`)
    .join("");

export const STYLE = `
:root{color-scheme:light;--font:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;${variables(LIGHT)}}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){color-scheme:dark;${variables(DARK)}}}
:root[data-theme=dark]{color-scheme:dark;${variables(DARK)}}
*{box-sizing:border-box}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.55 var(--font);overflow-wrap:break-word}
h1,h2,h3,p,dl,dd,ul,figure,table{margin:0}
a{color:var(--accent)}
code,pre,.hash{font-family:var(--mono);font-size:.9em}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}
.skip{position:absolute;left:-9999px}
.skip:focus{left:12px;top:12px;background:var(--surface);padding:8px 12px;z-index:9}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.wide{max-width:1180px;margin:0 auto;padding-left:24px;padding-right:24px}
header{border-bottom:1px solid var(--line);background:var(--surface);padding:0 0 22px}
header .top{display:flex;justify-content:space-between;gap:8px 28px;align-items:center;flex-wrap:wrap;padding-top:14px;padding-bottom:14px}
header .brand{font:600 14px/1 var(--mono)}
header nav{flex:1}
header nav ul{display:flex;gap:4px 24px;flex-wrap:wrap;list-style:none;padding:0;font-size:14.5px}
header nav a{color:var(--muted);text-decoration:none}
header nav a:hover{color:var(--accent);text-decoration:underline}
header h1{font-size:clamp(20px,2.6vw,24px);line-height:1.25;margin-top:18px;font-weight:640}
header .about{max-width:80ch;margin-top:4px;color:var(--muted)}
header .facts{display:flex;flex-wrap:wrap;gap:2px 0;margin:12px 0 0;padding:0;list-style:none;color:var(--muted);font-size:14px}
header .facts li:not(:last-child)::after{content:"·";margin:0 .6em}
header button{background:none;border:1px solid var(--line);color:var(--ink);border-radius:6px;padding:4px 10px;font:inherit;
font-size:13px;cursor:pointer}
main>section{margin-top:52px}
main>section:first-of-type{margin-top:38px}
h2{font-size:23px;line-height:1.3;letter-spacing:-.008em;margin-bottom:14px;font-weight:640}
.partial{background:var(--unsure-ground);color:var(--unsure);border-radius:8px;padding:10px 16px;margin-top:20px;font-weight:600}
#verdict h2{font-size:15px;color:var(--muted);margin-bottom:6px;letter-spacing:0}
.headline{font-size:clamp(23px,3.4vw,34px);line-height:1.25;font-weight:640;letter-spacing:-.018em;max-width:34em;text-wrap:pretty}
.expected{margin-top:14px;color:var(--muted);font-size:15px}
.findings{columns:3 310px;column-gap:36px;margin-top:28px}
.findings>div{border-top:2px solid var(--ink);padding:10px 0 24px;break-inside:avoid}
.findings dt{font-weight:650}
.findings dd{margin-top:3px;max-width:60ch}
.rests{margin-top:10px;color:var(--muted);font-size:15px}
.rests h3{font-size:15px;font-weight:650;color:var(--ink)}
.rests ul{padding-left:20px;margin-top:4px;max-width:90ch}
.badge{display:inline-block;font-size:13px;font-weight:650;line-height:1.3;padding:2px 9px;border-radius:99px;background:var(--ground);
color:var(--muted);white-space:nowrap}
.badge.met{background:var(--good-ground);color:var(--good)}.badge.missed{background:var(--bad-ground);color:var(--bad)}
.badge.inconclusive{background:var(--unsure-ground);color:var(--unsure)}
.scroll{overflow-x:auto;background:var(--surface);border:1px solid var(--line);border-radius:10px;margin-top:14px;position:relative}
table{border-collapse:collapse;width:100%;font-size:14.5px;font-variant-numeric:tabular-nums}
th,td{padding:8px 14px;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
tbody tr:last-child>*{border-bottom:0}
thead th{font-size:13.5px;font-weight:600;color:var(--muted);vertical-align:bottom;white-space:nowrap}
tbody th{font-weight:550;position:sticky;left:0;background:var(--surface)}
.num{text-align:right}
td.num,th.num{white-space:nowrap}
#compare td.num{white-space:normal;min-width:9em}
#compare small{white-space:nowrap}
@media (min-width:641px){#compare tbody th{white-space:nowrap}}
#compare thead th{color:var(--ink);font-size:14.5px}
td small,tbody th small{display:block;color:var(--muted);font-size:13px;font-weight:400;line-height:1.35}
tbody th small{max-width:24em}
th button{all:unset;cursor:pointer;font:inherit;color:inherit}
th button:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
th button::after{content:" \\2195";opacity:.45;font-weight:400}
th[aria-sort=ascending] button::after{content:" \\2191";opacity:1}
th[aria-sort=descending] button::after{content:" \\2193";opacity:1}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(480px,100%),1fr));gap:18px;margin-top:18px}
.chart{background:var(--surface);border:1px solid var(--line);border-radius:10px;padding:16px 18px 12px;margin-top:14px;min-width:0}
.pair .chart{margin-top:0}
.chart-head{display:flex;justify-content:space-between;align-items:baseline;gap:8px 14px;flex-wrap:wrap}
.chart-title{font-weight:640}
.controls{display:flex;gap:8px;align-items:center;flex-wrap:wrap}
figcaption{font-size:14px;color:var(--muted);margin:2px 0 10px;max-width:100ch}
.plot{height:340px;width:100%}
.small{font-size:13px;color:var(--muted)}
.chart button.small,.chart select,.actions button{background:var(--surface);color:var(--ink);border:1px solid var(--line);
border-radius:6px;padding:3px 10px;font:inherit;font-size:13px;cursor:pointer}
.chart button[aria-pressed=true]{background:var(--accent);border-color:var(--accent);color:var(--surface)}
.chart select{max-width:100%}
.tabs{display:none;gap:2px;overflow-x:auto;border-bottom:1px solid var(--line)}
.scripted .tabs{display:flex}
.tabs button{appearance:none;background:none;border:0;border-bottom:3px solid transparent;padding:9px 16px;font:inherit;font-weight:600;
color:var(--muted);white-space:nowrap;cursor:pointer}
.tabs button[aria-selected=true]{color:var(--ink);border-bottom-color:var(--accent)}
.tabs button:focus-visible{outline-offset:-3px}
[role=tabpanel]{padding-top:20px}
.variant-name{font-size:20px}
.scripted .variant-name{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.variant-headline{font-size:18px;font-weight:600;margin-top:8px;max-width:75ch}
[role=tabpanel]>.about{color:var(--muted)}
.part{margin-top:30px}
.part>h3{font-size:18px;line-height:1.3}
.part>p{margin-top:8px}
.heat td{padding:0;height:1px}
.shade{display:block;height:100%;padding:8px 14px;background:color-mix(in srgb,var(--accent) var(--shade),var(--surface))}
.shade small{display:block;color:var(--ink);opacity:.85;font-size:13px}
.bound+.scroll{max-width:560px}
.heat-title,.bound{font-size:16px;margin-top:22px}
.missing{margin-top:8px;padding-left:20px;color:var(--muted);font-size:15px}
.pair>div{min-width:0}
.facts-list{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(250px,100%),1fr));gap:10px 28px;margin-top:12px;
font-variant-numeric:tabular-nums}
.facts-list dt{font-size:13.5px;color:var(--muted)}
details{margin-top:14px}
summary{cursor:pointer;font-size:15px;color:var(--accent)}
details .scroll{max-height:420px;overflow-y:auto}
details thead th{position:sticky;top:0;background:var(--surface);z-index:1}
pre{background:var(--surface);border:1px solid var(--line);border-radius:8px;padding:12px 16px;overflow-x:auto;margin:0;white-space:pre-wrap}
.actions{display:flex;gap:10px;flex-wrap:wrap;margin-top:12px}
.actions button{padding:6px 14px;font-size:14px}
.repeat p{margin-top:12px;max-width:90ch}
.hash{overflow-wrap:anywhere}
footer.wide{margin-top:44px;padding-top:18px;padding-bottom:30px;border-top:1px solid var(--line);color:var(--muted);font-size:14px}
@media (max-width:640px){
header .top{justify-content:space-between}header nav{order:3;flex-basis:100%}
.wide{padding-left:14px;padding-right:14px}.chart{padding:14px 10px 8px}.plot{height:300px}
th,td{padding:7px 10px}main>section{margin-top:36px}tbody th{max-width:44vw}
}
@media print{nav,.skip,header button,.tabs,.actions,.chart button,.chart label{display:none!important}body{background:#fff}
.chart,.scroll{break-inside:avoid}details .scroll{max-height:none}}
`;
