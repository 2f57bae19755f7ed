
"use strict";
(function () {
	var pick = document.getElementById("pick");
	var find = document.getElementById("find");
	var hits = document.getElementById("hits");
	var rows = Array.prototype.slice.call(
	    document.querySelectorAll("details.row"));
	var selects = Array.prototype.slice.call(
	    pick.querySelectorAll("select"));
	var timer;

	function fill(select) {
		var seen = {};

		rows.forEach(function (row) {
			seen["=" + row.dataset[select.dataset.key]] = true;
		});
		Object.keys(seen).sort().forEach(function (key) {
			var option = document.createElement("option");

			if (key === "=")
				return;
			option.value = option.textContent = key.slice(1);
			select.appendChild(option);
		});
	}

	function apply() {
		var word = find.value.toLowerCase();
		var shown = 0;

		rows.forEach(function (row) {
			var fits = selects.every(function (select) {
				return !select.value || select.value ===
				    row.dataset[select.dataset.key];
			}) && (!word ||
			    row.textContent.toLowerCase().indexOf(word) >= 0);

			row.hidden = !fits;
			shown += fits ? 1 : 0;
		});
		hits.textContent = shown === rows.length ? "" :
		    shown + " of these " + rows.length;
	}

	function copy(pre, button) {
		var range = document.createRange();

		range.selectNodeContents(pre);
		getSelection().removeAllRanges();
		getSelection().addRange(range);
		button.textContent =
		    document.execCommand("copy") ? "copied" : "selected";
	}

	/* An event's payload stands in one row; the others borrow it. */
	function borrow(row) {
		var link = row.querySelector("a.shared");
		var pre = link && document.getElementById(
		    link.getAttribute("href").slice(1));

		if (!pre)
			return;
		pre = pre.cloneNode(true);
		pre.removeAttribute("id");
		link.parentNode.replaceWith(pre);
	}

	function opened(event) {
		var row = event.target;
		var pre, button;

		if (!row.open || !row.classList.contains("row") || row.ready)
			return;
		row.ready = true;
		borrow(row);
		pre = row.querySelector("pre.payload");
		if (!pre)
			return;
		button = document.createElement("button");
		button.type = "button";
		button.textContent = "copy";
		button.addEventListener("click", function () {
			copy(pre, button);
		});
		pre.after(button);
	}

	document.addEventListener("toggle", opened, true);
	if (rows.length < 2)
		return;
	selects.forEach(fill);
	pick.addEventListener("input", function () {
		clearTimeout(timer);
		timer = setTimeout(apply, 120);
	});
	pick.hidden = false;
}());
