//! The text of a product description in HTML.

/// The text without tags, scripts and styles, with common entities decoded and white space
/// collapsed. A block element parts lines.
pub(in crate::import) fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find(['<', '&']) {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        let skipped = if rest.starts_with('<') {
            tag(rest, &mut text)
        } else {
            entity(rest, &mut text)
        };
        rest = &rest[skipped..];
    }
    text.push_str(rest);
    collapse(&text)
}

/// How long the markup at the start is; what it means goes to `text`.
fn tag(html: &str, text: &mut String) -> usize {
    if let Some(comment) = html.strip_prefix("<!--") {
        return comment.find("-->").map_or(html.len(), |end| end + 7);
    }
    let name: String = html[1..]
        .trim_start_matches('/')
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .map(|character| character.to_ascii_lowercase())
        .collect();
    if name.is_empty() && !html.starts_with("<!") {
        text.push('<');
        return 1;
    }
    let Some(end) = end_of_tag(html) else {
        return html.len();
    };
    match name.as_str() {
        "script" | "style" if !html.starts_with("</") => {
            let closes = |at: &usize| {
                let after = html[at + 2..].get(..name.len());
                after.is_some_and(|after| after.eq_ignore_ascii_case(&name))
            };
            let mut ends = html.match_indices("</").map(|(at, _)| at);
            return ends.find(closes).unwrap_or(html.len());
        }
        "br" | "p" | "div" | "li" | "ul" | "ol" | "tr" | "table" | "h1" | "h2" | "h3" | "h4"
        | "h5" | "h6" | "section" | "article" | "blockquote" | "hr" => text.push('\n'),
        "td" | "th" => text.push(' '),
        _ => {}
    }
    end + 1
}

/// Where the tag at the start closes: not within a quoted value, unless its quote is left open.
fn end_of_tag(html: &str) -> Option<usize> {
    const LONGEST: usize = 4_096;
    let mut quote = None;
    for (at, byte) in html.bytes().enumerate().take(LONGEST) {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    html.find('>')
}

/// How long the entity at the start is; what it stands for goes to `text`.
fn entity(html: &str, text: &mut String) -> usize {
    const LONGEST: usize = 10;
    let end = html.bytes().take(LONGEST).position(|byte| byte == b';');
    let decoded = end.and_then(|end| named(&html[1..end]).or_else(|| numbered(&html[1..end])));
    if let (Some(end), Some(character)) = (end, decoded) {
        text.push(character);
        end + 1
    } else {
        text.push('&');
        1
    }
}

fn named(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "bull" => '•',
        "middot" => '·',
        "deg" => '°',
        "times" => '×',
        "frac12" => '½',
        "copy" => '©',
        "reg" => '®',
        "trade" => '™',
        "euro" => '€',
        "pound" => '£',
        "eacute" => 'é',
        "egrave" => 'è',
        "agrave" => 'à',
        "ccedil" => 'ç',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "szlig" => 'ß',
        _ => return None,
    })
}

fn numbered(name: &str) -> Option<char> {
    let number = name.strip_prefix('#')?;
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    code.ok()
        .and_then(char::from_u32)
        .filter(|c| !c.is_control())
}

/// One space between words, one line break between lines, none around.
fn collapse(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        words.join(" ")
    });
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::plain;
    use proptest::prelude::*;

    #[test]
    fn tags_go_and_blocks_part_lines() {
        let html = "<p>A <b>soft</b>\n jumper.</p><ul><li>Wool</li><li class=\"x\">Warm</li></ul>";
        assert_eq!(plain(html), "A soft\njumper.\nWool\nWarm");
        assert_eq!(plain("one<br/>two<BR>three"), "one\ntwo\nthree");
    }

    #[test]
    fn entities_are_decoded_once_and_unknown_ones_stay() {
        assert_eq!(
            plain("Tom &amp; Jerry&rsquo;s &#233;t&#xE9;"),
            "Tom & Jerry’s été"
        );
        assert_eq!(
            plain("&amp;lt; &nbsp; &bogus; A&B & C; &#0;"),
            "&lt; &bogus; A&B & C; &#0;"
        );
        assert_eq!(plain("&ééééé;"), "&ééééé;");
    }

    #[test]
    fn scripts_styles_and_comments_vanish_but_plain_signs_stay() {
        assert_eq!(
            plain("a<script>if (1 < 2) {}</SCRIPT>b<style>p{}</style>c"),
            "abc"
        );
        assert_eq!(plain("x<!-- <p>no</p> -->y"), "xy");
        assert_eq!(plain("3 < 4 and 5 > 4"), "3 < 4 and 5 > 4");
        assert_eq!(plain("cut <b"), "cut");
        assert_eq!(plain("open <script>never closed"), "open");
        assert_eq!(plain("<!-- open"), "");
    }

    #[test]
    fn quoted_values_may_hold_any_sign() {
        assert_eq!(plain("<a title=\"x > y\">Link</a>"), "Link");
        assert_eq!(plain("<p title='x>Text</p>"), "Text");
    }

    proptest! {
        #[test]
        fn any_text_is_survived_and_plain_words_are_kept(text in "[a-c<>&;/!\"'#é -]{0,40}", words in "[a-zé ]{0,20}") {
            plain(&text);
            let kept: Vec<_> = words.split_whitespace().collect();
            prop_assert_eq!(plain(&format!("<p>{words}</p>")), kept.join(" "));
        }
    }
}
