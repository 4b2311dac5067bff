from kgan.report.interpolation import interpolation_section


def test_the_page_shows_both_ways_and_says_which_is_which(make_findings):
    html = interpolation_section(make_findings())
    assert html.count("<img") == 2
    assert html.index("straight lines") < html.index("great circles")
    assert "The rows have the classes 0, 2: only latents change." in html
    assert "classes" not in interpolation_section(make_findings(path_labels=None))
