"""Names of people: which texts look like one, and which column names say so."""

from __future__ import annotations

import re

__all__ = ["FIRST_NAMES", "known_first_name", "looks_like_name", "words_of"]

# Common first names of many countries. Words that are things, months, virtues or places as well
# (Rose, Iris, April, Grace, Paris, Sydney, Austin, Florence) are left out: they would flag columns
# of flowers and cities.
_WORDS = """
aaron abdul abdullah abigail adam adriana agnes ahmed aisha alan albert alejandro alessandro
alex alexander alexandra alexey ali alice alicia allison amanda amelia amina amit amy ana
anastasia andre andrea andreas andrew andrey angela angelo anita anjali ann anna anne annette
annie anthony antoine anton antonio anya arjun arthur ashley astrid barbara beatriz ben benjamin
bernard beth betty bill birgit bob boris bradley brandon brenda brian bruno camila camille carla
carlos carmen carol caroline catherine cathy cecilia celine chen chloe chris christian christina
christine christopher clara claude claudia claire colin craig cristina cynthia dan daniel
daniela daniele danielle dave david deborah deepak denis dennis diana diego dimitri dmitri
dmitry dominic donald donna dorothy douglas edith eduardo edward elena eleanor elisa elisabeth
elizabeth ella ellen emil emily emma enrique eric erik erika ernest esther ethan eugene eva
evelyn fabio farah fatima felix fernanda fernando filip francesca francesco francisco francois
frank franz fred frederic gabriel gabriela gabriele gary georg george gerald gerard gianni
gilbert giorgio giovanni giulia giuseppe gloria greg gregory guillaume gunther gustavo hannah
hans harold harry hassan heather heidi helen helena helga henri henry hiroshi howard hugo
hussein ian ibrahim igor ines ingrid irina isaac isabel isabella isabelle ivan jack jacob
jacqueline jacques jaime james jan jane janet janice jasmine jason javier jean jeff jeffrey
jennifer jeremy jerry jesse jessica jesus jill jim jin joan joanna joao joe joel johan johann
john johanna jonas jonathan jorge jose josef joseph joshua juan juana judith judy julia julian
julie julien jun jurgen justin karen karin karl katarina kate katherine kathleen kathryn katja
keith kelly kenji kenneth kevin khaled kim kimberly klaus kofi kumar kyle lakshmi larry lars
laura lauren laurent lea leah lena leo leon leonardo li liam linda lisa lorenzo louis louise
luca lucas lucia luis luisa luiz lukas magda mahmoud manuel marc marcel marco marcos margaret
maria mariana marie mariam marina mario marion marta martha martin martina mary maryam mateo
mathieu matteo matthew matthias max maxim megan mehmet melissa mia michael michel michelle
miguel mikhail ming mohamed mohammad mohammed monica monika muhammad mustafa nadia nancy natalia
natalie natasha nathan neha nicholas nicola nicolas nicole nikolai nina noah nora norbert olaf
oleg olga oliver olivia omar oscar otto pablo pamela paola paolo patricia patrick paul paula
pauline pedro peter petra philip philippe pierre pilar piotr priya rachel rafael rahul raj
rajesh ralph ramon raquel rashid raul ravi raymond rebecca renate ricardo riccardo richard rita
robert roberta roberto robin rodrigo roger roland roman ronald rosa ruth ryan salma sam samantha
samuel sandra sanjay sara sarah scott sean sebastian sergei sergey sergio sharon shirley silvia
simon simone sofia sonia sophia sophie stefan stefano stella stephanie stephen steve steven
sunita susan susanne suresh svetlana sven sylvia takashi tamara tanya tatiana teresa theresa
thomas tim timothy tobias tom tomas tony tyler ulrich ursula valentina valeria vanessa vera
veronica vicente victoria vijay vincent vladimir walter wei wendy werner wilhelm william
wolfgang xavier yan yang yasmin ying yolanda yuki yusuf yves yvonne zainab zhang zoe
"""
FIRST_NAMES = frozenset(_WORDS.split())

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[\W_]+")
_NAME = re.compile(
    r"[^\W\d_][^\W\d_'\u2019.-]*(?:[ '\u2019.-]{1,2}[^\W\d_][^\W\d_'\u2019.-]*){0,4}\.?"
)


def words_of(column: str) -> str:
    """The words of a column's name, in small letters with a line between and around.

    >>> words_of("customerEmail"), words_of("Date of birth")
    ('_customer_email_', '_date_of_birth_')
    """
    text = _NOT_WORD.sub("_", _CAMEL.sub("_", column[:200])).strip("_").lower()
    return f"_{text}_"


def looks_like_name(text: str) -> bool:
    """Whether a text has the form of a person's name: one to five words of letters.

    >>> looks_like_name("Ann O'Neil"), looks_like_name("SKU 12"), looks_like_name("red")
    (True, False, False)
    """
    return 1 < len(text) <= 60 and not text[0].islower() and _NAME.fullmatch(text) is not None


def known_first_name(text: str) -> bool:
    """Whether a text has the form of a name and one of its first two words is a first name.

    >>> known_first_name("Maria Garcia"), known_first_name("Setosa")
    (True, False)
    """
    if not looks_like_name(text):
        return False
    words = text.replace(",", " ").replace("-", " ").lower().split()
    return any(word.strip(".") in FIRST_NAMES for word in words[:2])
